#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "quant/four_bit.h"
#include "quant/quant_state.h"

namespace batchfit {

// Of states whose shape is [rows, columns].

/// Whether matrices of as many columns can be one, one below the other: of one code and block size, all or
/// none doubly quantised, and each of whole blocks, also of those of a nested absmax.
bool stored_alike(const std::vector<QuantState>& matrices);

/// Storage for one matrix, or for several that are stored alike. Not filled, but for the offsets of a nested
/// absmax.
FourBitMatrix storage_for(const std::vector<QuantState>& matrices, at::Device device);

}  // namespace batchfit
