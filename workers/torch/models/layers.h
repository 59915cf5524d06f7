#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "models/model.h"

// Layers that several models share. Each asks for its entries under `name` in the state dict's order.
namespace batchfit {

/// A convolution with its bias or the BatchNorm after it, if any.
struct Convolution {
  at::Tensor weight, bias;  ///< bias undefined where there is none
  std::int64_t stride = 1, padding = 0, groups = 1;
  std::int64_t channels() const { return weight.size(0); }  ///< of its output
  at::Tensor forward(const at::Tensor& input) const;
  at::Tensor without_bias(const at::Tensor& input) const;
};

/// Of a square convolution.
struct ConvolutionSize {
  std::int64_t out = 1, in = 1, kernel = 1, stride = 1, padding = 0, groups = 1;
};

/// BatchNorm over the running statistics.
struct BatchNorm {
  at::Tensor weight, bias, mean, variance;  ///< undefined where it was folded: then it does nothing
  double eps = 1e-5;                        ///< as torchvision's ResNets have it
  at::Tensor forward(at::Tensor input) const;
};

struct Linear {
  at::Tensor weight, bias;
  at::Tensor forward(const at::Tensor& input) const;
};

struct LayerNorm {
  at::Tensor weight, bias;
  double eps = 1e-6;
  at::Tensor forward(const at::Tensor& input) const;
};

/// Builds layers: takes entries from the weights and brings them into the model's dtype and memory format.
class Builder {
 public:
  Builder(Weights& weights, const BuildOptions& options) : weights_(weights), options_(options) {}

  /// Entry in the model's dtype.
  at::Tensor entry(const std::string& name, at::IntArrayRef shape);

  Convolution convolution(const std::string& name, const ConvolutionSize& size);
  /// A convolution without bias under `convolution_name` and the BatchNorm under `norm_name`, folded if
  /// asked.
  std::pair<Convolution, BatchNorm> normalised_convolution(const std::string& convolution_name,
                                                           const std::string& norm_name,
                                                           const ConvolutionSize& size,
                                                           double eps = BatchNorm{}.eps);
  Linear linear(const std::string& name, std::int64_t out, std::int64_t in);
  LayerNorm layer_norm(const std::string& name, std::int64_t size);

  Weights& weights() { return weights_; }
  const BuildOptions& options() const { return options_; }

 private:
  at::Tensor kernel_format(const at::Tensor& weight) const;
  Weights& weights_;
  BuildOptions options_;
};

}  // namespace batchfit
