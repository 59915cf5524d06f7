#include "quant/linear.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>

namespace batchfit {
namespace {

at::Tensor multiply(const at::Tensor& input, const MatrixWeights& weights, FourBitProducts& products) {
  if (const auto* dense = std::get_if<at::Tensor>(&weights)) return at::linear(input, *dense);
  return products.multiply(input, std::get<FourBitMatrix>(weights));
}

}  // namespace

at::Tensor JoinedLinear::forward(const at::Tensor& input, FourBitProducts& products) const {
  at::Tensor output;
  if (parts.size() == 1) {
    output = multiply(input, parts.front(), products);
  } else {
    std::vector<at::Tensor> outputs;
    for (const MatrixWeights& part : parts) outputs.push_back(multiply(input, part, products));
    output = at::cat(outputs, 1);
  }
  return bias.defined() ? output.add_(bias) : output;
}

}  // namespace batchfit
