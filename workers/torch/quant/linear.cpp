#include "quant/linear.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>

namespace batchfit {
namespace {

at::Tensor multiply(const at::Tensor& input, const MatrixWeights& weights, FourBitProducts& products) {
  if (const auto* dense = std::get_if<at::Tensor>(&weights)) return at::linear(input, *dense);
  return products.multiply(input, std::get<FourBitMatrix>(weights));
}

MatrixWeights some_rows(const MatrixWeights& weights, std::int64_t first, std::int64_t count) {
  if (const auto* dense = std::get_if<at::Tensor>(&weights)) return dense->narrow(0, first, count);
  return std::get<FourBitMatrix>(weights).some_rows(first, count);
}

}  // namespace

at::Tensor JoinedLinear::forward(const at::Tensor& input, FourBitProducts& products) const {
  at::Tensor output;
  if (parts.size() == 1) {
    output = multiply(input, parts.front(), products);
  } else {
    std::vector<at::Tensor> side_by_side;
    for (const MatrixWeights& part : parts) side_by_side.push_back(multiply(input, part, products));
    output = at::cat(side_by_side, 1);
  }
  return bias.defined() ? output.add_(bias) : output;
}

std::vector<at::Tensor> JoinedLinear::forward_each(const at::Tensor& input, FourBitProducts& products) const {
  std::vector<at::Tensor> results;
  std::int64_t first = 0;
  for (const MatrixWeights& weights : each()) {
    at::Tensor& result = results.emplace_back(multiply(input, weights, products));
    if (bias.defined()) result.add_(bias.narrow(0, first, result.size(1)));
    first += result.size(1);
  }
  return results;
}

std::vector<MatrixWeights> JoinedLinear::each() const {
  if (parts.size() == outputs.size()) return parts;
  std::vector<MatrixWeights> alone;
  std::int64_t first = 0;
  for (const std::int64_t count : outputs) {
    alone.push_back(some_rows(parts.front(), first, count));
    first += count;
  }
  return alone;
}

}  // namespace batchfit
