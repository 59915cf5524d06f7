#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>

#include "base/error.h"

namespace batchfit {

/// The kernels' one argument, as their text declares it: rows of elements side by side, one after the other
/// at any distance. A group is what a thread takes: 16 bytes (finish_groups) or one element
/// (finish_elements).
struct EpilogueArguments {
  const void *input, *bias, *added;  ///< added: null where nothing is
  void* output;
  std::int64_t input_stride, added_stride, output_stride;  ///< elements from row to row
  std::uint32_t groups, groups_per_row;
  std::uint32_t per_channel;   ///< elements of a row that share a channel, one channel after the other
  std::uint32_t row_channels;  ///< rows are of one channel each, in turn: of so many; 1: of all channels
  std::uint32_t silu;
};

/// Machine code of the kernels for an architecture ("sm_90") and float32, float16 or bfloat16; errors as
/// compile_cuda has them.
Result<std::string> compile_epilogue(const std::string& architecture, at::ScalarType dtype);

}  // namespace batchfit
