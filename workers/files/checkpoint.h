#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "facts/json.h"
#include "files/weights_file.h"

namespace batchfit::files {

/// Whether there is a folder of a model as Hugging Face lays it out: one with a config.json.
bool is_checkpoint(const std::filesystem::path& folder);

/// Such a folder: the model's configuration, and its tensors, which are in model.safetensors or in the shards
/// that model.safetensors.index.json names. The files are mapped as long as this lives.
class Checkpoint {
 public:
  /// Error, beginning with the path, where a file is missing or damaged, or where the index names a tensor
  /// that its shard does not hold.
  static Result<std::shared_ptr<const Checkpoint>> open(const std::filesystem::path& folder);

  const std::string& path() const { return path_; }
  const Json& config() const { return config_; }
  const NamedTensor* find(const std::string& name) const;  ///< null where there is none
  const std::vector<const NamedTensor*>& tensors() const { return tensors_; }

 private:
  Checkpoint() = default;
  Result<void> read_single(const std::filesystem::path& file);
  Result<void> read_shards(const std::filesystem::path& folder, const std::filesystem::path& index);

  std::string path_;
  Json config_;
  std::vector<std::shared_ptr<const WeightsFile>> files_;
  std::vector<const NamedTensor*> tensors_;
  std::unordered_map<std::string, const NamedTensor*> places_;
};

/// What `folder`/config.json holds. Errors as above.
Result<Json> read_config(const std::filesystem::path& folder);

}  // namespace batchfit::files
