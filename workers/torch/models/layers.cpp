#include "models/layers.h"

#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/rsqrt.h>

#include <array>
#include <utility>

namespace batchfit {
namespace {

std::array<std::int64_t, 4> shape_of(const ConvolutionSize& size) {
  return {size.out, size.in / size.groups, size.kernel, size.kernel};
}

}  // namespace

at::Tensor Convolution::forward(const at::Tensor& input) const {
  return at::conv2d(input, weight, bias, {stride, stride}, {padding, padding}, {1, 1}, groups);
}

at::Tensor Convolution::without_bias(const at::Tensor& input) const {
  return at::conv2d(input, weight, {}, {stride, stride}, {padding, padding}, {1, 1}, groups);
}

at::Tensor BatchNorm::forward(at::Tensor input) const {
  if (!weight.defined()) return input;
  return at::batch_norm(input, weight, bias, mean, variance, /*training=*/false, /*momentum=*/0.1, eps,
                        /*cudnn_enabled=*/true);
}

at::Tensor Linear::forward(const at::Tensor& input) const { return at::linear(input, weight, bias); }

at::Tensor LayerNorm::forward(const at::Tensor& input) const {
  return at::layer_norm(input, weight.sizes(), weight, bias, eps);
}

at::Tensor Builder::entry(const std::string& name, at::IntArrayRef shape) {
  return weights_.get(name, shape, options_.dtype);
}

at::Tensor Builder::kernel_format(const at::Tensor& weight) const {
  return options_.channels_last ? weight.contiguous(at::MemoryFormat::ChannelsLast) : weight;
}

Convolution Builder::convolution(const std::string& name, const ConvolutionSize& size) {
  const at::Tensor weight = kernel_format(entry(name + ".weight", shape_of(size)));
  return {weight, entry(name + ".bias", {size.out}), size.stride, size.padding, size.groups};
}

std::pair<Convolution, BatchNorm> Builder::normalised_convolution(const std::string& convolution_name,
                                                                  const std::string& norm_name,
                                                                  const ConvolutionSize& size, double eps) {
  // Folded in float32, before the cast to the model's dtype.
  const at::ScalarType dtype = options_.fold_batchnorm ? at::kFloat : options_.dtype;
  const std::int64_t out = size.out;
  at::Tensor weight = weights_.get(convolution_name + ".weight", shape_of(size), dtype);
  const at::Tensor gamma = weights_.get(norm_name + ".weight", {out}, dtype);
  const at::Tensor beta = weights_.get(norm_name + ".bias", {out}, dtype);
  const at::Tensor mean = weights_.get(norm_name + ".running_mean", {out}, dtype);
  const at::Tensor variance = weights_.get(norm_name + ".running_var", {out}, dtype);
  if (!options_.fold_batchnorm) {
    return {Convolution{kernel_format(weight), {}, size.stride, size.padding, size.groups},
            BatchNorm{gamma, beta, mean, variance, eps}};
  }
  // BatchNorm(conv(x)) = gamma · (conv(x) − mean) / sqrt(variance + eps) + beta.
  const at::Tensor factor = gamma.mul(at::rsqrt(variance.add(eps)));
  weight = weight.mul(factor.view({out, 1, 1, 1}));
  const at::Tensor bias = beta.sub(mean.mul(factor)).to(options_.dtype);
  return {Convolution{kernel_format(weight.to(options_.dtype)), bias, size.stride, size.padding, size.groups},
          BatchNorm{}};
}

Linear Builder::linear(const std::string& name, std::int64_t out, std::int64_t in) {
  const at::Tensor weight = entry(name + ".weight", {out, in});
  return {weight, entry(name + ".bias", {out})};
}

LayerNorm Builder::layer_norm(const std::string& name, std::int64_t size) {
  const at::Tensor weight = entry(name + ".weight", {size});
  return {weight, entry(name + ".bias", {size})};
}

}  // namespace batchfit
