#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <variant>
#include <vector>

#include "quant/four_bit.h"

namespace batchfit {

/// A linear layer's weights as its file has them: dense [rows, columns], or in 4 bits.
using MatrixWeights = std::variant<at::Tensor, FourBitMatrix>;

/// Linear layers of one input, computed together: their outputs stand side by side. Where the weights could
/// be joined into one matrix there is one part and one product.
struct JoinedLinear {
  std::vector<MatrixWeights> parts;
  at::Tensor bias;  ///< of all outputs; undefined where there is none

  /// input [n, columns], its rows contiguous → [n, outputs].
  at::Tensor forward(const at::Tensor& input, FourBitProducts& products) const;
};

}  // namespace batchfit
