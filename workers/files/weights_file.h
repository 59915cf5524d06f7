#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "files/module.h"
#include "files/torch_file.h"

namespace batchfit::files {

/// A file of weights of any format that is read here, mapped as long as this lives.
class WeightsFile {
 public:
  /// Takes a state dict, or a pickled module with its tensors; either may be in a checkpoint's dict, under
  /// "ema", "model" or "state_dict". An entry that is no tensor, a call's result say, is an error that names
  /// it, as are damaged files and those of no known format. Errors begin with the path.
  static Result<std::shared_ptr<const WeightsFile>> open(const std::filesystem::path& path);

  const std::string& path() const { return path_; }
  const std::vector<NamedTensor>& tensors() const { return tensors_; }
  const NamedTensor* find(const std::string& name) const;  ///< null where there is none

  /// The module that the file holds, where it holds one: its classes and settings.
  const std::optional<Module>& module() const { return module_; }

  /// 16 hexadecimal digits: XXH3-64 of the file's bytes.
  std::string digest() const;

 private:
  WeightsFile() = default;
  Result<void> read();
  Result<void> take(const Value& root);

  std::string path_;
  std::shared_ptr<const MappedFile> mapped_;
  TorchFile torch_file_;
  std::optional<Module> module_;
  std::vector<NamedTensor> tensors_;
  std::unordered_map<std::string_view, std::size_t> places_;  ///< in `tensors_`, by name
};

}  // namespace batchfit::files
