#include "facts/model_input.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "facts/fields.h"

namespace batchfit {
namespace {

constexpr std::array<std::string_view, 6> known_dtypes{"fp32", "fp16", "bf16", "int64", "int32", "bool"};

bool is_known(std::string_view dtype) {
  return std::find(known_dtypes.begin(), known_dtypes.end(), dtype) != known_dtypes.end();
}

std::optional<std::int64_t> size_in(std::string_view text) {
  std::int64_t size = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), size);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || size < 1) return std::nullopt;
  return size;
}

}  // namespace

Json to_json(const ModelInput& input) {
  Json json = {{"shape", input.shape}};
  if (!input.dtype.empty()) json["dtype"] = input.dtype;
  if (!input.batched) json["batched"] = false;
  return json;
}

Result<ModelInput> model_input_from_json(const Json& json) {
  Fields fields(json, "input", ErrorKind::usage);
  ModelInput input;
  fields.required("shape", input.shape);
  fields.maybe("dtype", input.dtype);
  fields.maybe("batched", input.batched);
  if (std::any_of(input.shape.begin(), input.shape.end(), [](std::int64_t size) { return size < 1; })) {
    fields.fail("has a size that is not 1 or more");
  }
  if (!input.dtype.empty() && !is_known(input.dtype))
    fields.fail("has the unknown dtype '" + input.dtype + "'");
  return fields.finish(std::move(input));
}

Result<ModelInput> parse_model_input(std::string_view text) {
  const auto wrong = [&](const std::string& why) {
    return failure(ErrorKind::usage, fmt::format("--input {}: {}", text, why),
                   "give the shape of one item and, where it is not the model's own, the dtype, as in "
                   "3x224x224 or 128:int64");
  };
  ModelInput input;
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    input.dtype = text.substr(colon + 1);
    if (!is_known(input.dtype)) return wrong(fmt::format("the dtypes are {}", fmt::join(known_dtypes, ", ")));
  }
  std::string_view sizes = text.substr(0, colon);
  for (;;) {
    const std::size_t next = sizes.find('x');
    const auto size = size_in(sizes.substr(0, next));
    if (!size) return wrong("a size is not a whole number of 1 or more");
    input.shape.push_back(*size);
    if (next == std::string_view::npos) return input;
    sizes.remove_prefix(next + 1);
  }
}

std::string text_of(const ModelInput& input) {
  return fmt::format("{}{}{}{}", fmt::join(input.shape, "x"), input.dtype.empty() ? "" : ":", input.dtype,
                     input.batched ? "" : " unbatched");
}

}  // namespace batchfit
