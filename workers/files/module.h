#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "files/named_tensor.h"
#include "files/value.h"

namespace batchfit::files {

/// A torch.nn.Module as its pickle describes it. A view: the values belong to the file. An attribute that is
/// missing, of another kind, or made by a call, is a `corrupt` error that names it.
class Module {
 public:
  /// `path`: the module's name in the whole, empty for the outermost. Error where the value is no module.
  static Result<Module> of(const Value& value, std::string path);

  const std::string& path() const { return path_; }
  std::string_view class_name() const;  ///< without its packages: "Conv2d"
  std::string name_of(std::string_view member) const;

  const Value* attribute(std::string_view name) const;  ///< null where there is none
  Result<std::int64_t> integer(std::string_view name) const;
  Result<double> number(std::string_view name) const;
  Result<bool> flag(std::string_view name) const;
  /// A list or a tuple of whole numbers.
  Result<std::vector<std::int64_t>> integers(std::string_view name) const;

  /// In the file's order, with their names; what is None is left out.
  Result<std::vector<std::pair<std::string, Module>>> children() const;
  Result<Module> child(std::string_view name) const;

  /// Its own parameters, and the buffers that a state dict holds, by their names in the whole.
  Result<std::vector<NamedTensor>> own_tensors() const;

 private:
  Module(const Dict& state, const Global& type, std::string path)
      : state_(&state), class_(&type), path_(std::move(path)) {}
  Result<const Dict*> dict(std::string_view name) const;

  const Dict* state_;
  const Global* class_;
  std::string path_;
};

/// All tensors of a module and its children, as its state_dict() would list them. Children that are shared or
/// that form a cycle are walked up to a bound.
Result<std::vector<NamedTensor>> tensors_of(const Module& module);

/// The tensors of a dict of tensors. An entry that is none is an error that names it.
Result<std::vector<NamedTensor>> tensors_of(const Dict& dict);

}  // namespace batchfit::files
