#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <variant>
#include <vector>

#include "quant/four_bit.h"

namespace batchfit {

/// A linear layer's weights as its file has them: dense [rows, columns], or in 4 bits.
using MatrixWeights = std::variant<at::Tensor, FourBitMatrix>;

/// Linear layers of one input. Where their weights are stored alike they are one matrix, and their outputs
/// come of one product.
struct JoinedLinear {
  std::vector<MatrixWeights> parts;   ///< one, or one a layer
  std::vector<std::int64_t> outputs;  ///< of each layer
  at::Tensor bias;                    ///< of all outputs; undefined where there is none

  /// input [n, columns], its rows contiguous → [n, all outputs], side by side.
  at::Tensor forward(const at::Tensor& input, FourBitProducts& products) const;

  /// The same as a dense tensor [n, outputs] for each layer, by as many products.
  std::vector<at::Tensor> forward_each(const at::Tensor& input, FourBitProducts& products) const;

  /// The weights of each layer alone, sharing memory.
  std::vector<MatrixWeights> each() const;
};

}  // namespace batchfit
