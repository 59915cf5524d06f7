#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "quant/four_bit.h"

namespace batchfit {

/// How absmax was quantised in turn: absmax[i] = map[code[i]] · nested_absmax[i / block_size] + offset.
struct NestedState {
  std::int64_t block_size = 256;
  double offset = 0;
};

/// What bitsandbytes writes beside a 4-bit weight, as JSON in the bytes of
/// NAME.quant_state.bitsandbytes__nf4 (or fp4).
struct QuantState {
  FourBitCode code = FourBitCode::nf4;
  std::int64_t block_size = 64;
  std::vector<std::int64_t> shape;  ///< of the weight
  std::optional<NestedState> nested;
};

/// usage error, whose message continues "the quant_state of …", where it is none that is known.
Result<QuantState> quant_state_from(std::string_view text);

}  // namespace batchfit
