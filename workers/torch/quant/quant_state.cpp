#include "quant/quant_state.h"

#include <fmt/core.h>

#include <cmath>
#include <string>

#include "facts/fields.h"

namespace batchfit {
namespace {

/// A block is a power of two: bitsandbytes has 32 to 4096.
bool is_block_size(std::int64_t size) { return size >= 32 && size <= 4096 && (size & (size - 1)) == 0; }

void read_nested(Fields& fields, QuantState& state) {
  if (fields.find("nested_blocksize") == nullptr) return;
  NestedState& nested = state.nested.emplace();
  fields.required("nested_blocksize", nested.block_size);
  if (nested.block_size < 1) fields.fail("has a 'nested_blocksize' of 0");
  const Json* offset = fields.find("nested_offset");  // of either sign, so none of Fields' numbers
  if (offset == nullptr || !offset->is_number() || !std::isfinite(offset->get<double>())) {
    fields.fail("has no 'nested_offset' that is a number");
    return;
  }
  nested.offset = offset->get<double>();
}

}  // namespace

Result<QuantState> quant_state_from(std::string_view text) {
  const auto json = parse_json(text);
  if (!json) return failure(ErrorKind::usage, "is no JSON");
  Fields fields(*json, "", ErrorKind::usage);
  QuantState state;
  std::string type;
  fields.required("quant_type", type);
  fields.required("blocksize", state.block_size);
  fields.required("shape", state.shape);
  read_nested(fields, state);
  state.code = type == "fp4" ? FourBitCode::fp4 : FourBitCode::nf4;
  if (type != "nf4" && type != "fp4") fields.fail("has the quant_type '" + type + "', which is not known");
  if (!is_block_size(state.block_size)) {
    fields.fail(fmt::format("has a blocksize of {}, where a power of 2 from 32 to 4096 is expected",
                            state.block_size));
  }
  auto read = fields.finish(std::move(state));
  if (!read) return failure(ErrorKind::usage, read.error().message.substr(1));  // Fields' own name is empty
  return read;
}

}  // namespace batchfit
