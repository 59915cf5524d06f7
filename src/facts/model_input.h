#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "facts/json.h"

namespace batchfit {

/// One input of a model that comes as a file, which does not say what it is called with.
struct ModelInput {
  std::vector<std::int64_t> shape;  ///< of one item, without the batch dimension
  std::string dtype;                ///< fp32 | fp16 | bf16 | int64 | int32 | bool; empty: the model's own
  bool batched = true;              ///< false: the same tensor, of `shape`, whatever the batch

  bool operator==(const ModelInput&) const = default;
};

/// {"shape": [3, 224, 224], "dtype": "fp32"}, and "batched": false where it is not.
Json to_json(const ModelInput& input);

/// usage error where it is none: sizes are 1 or more, the dtype one of those above or absent.
Result<ModelInput> model_input_from_json(const Json& json);

/// "3x224x224" or "3x224x224:fp32"; usage error that names the text.
Result<ModelInput> parse_model_input(std::string_view text);

/// As parse_model_input reads it; " unbatched" follows where it is that.
std::string text_of(const ModelInput& input);

}  // namespace batchfit
