#pragma once

#include <optional>
#include <string>

namespace batchfit {

/// A model as the command line names it.
struct NamedModel {
  std::string name;
  std::optional<std::string> mode;  ///< absent: --mode's

  bool operator==(const NamedModel&) const = default;
};

/// Reads "llama-3-8b-nf4:decode": what stands after the last ':' is the mode where it could be one (small
/// letters, digits, '_' and '-') and no file or folder has the whole name. Whether the model has the mode is
/// the worker's to say.
NamedModel parse_model(const std::string& text);

}  // namespace batchfit
