#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "models/model.h"

// Layers that several models share. Each asks for its entries under `name` in the state dict's order.
namespace batchfit {

/// A convolution with its bias or the BatchNorm after it, if any.
struct Convolution {
  at::Tensor weight, bias;  ///< bias undefined where there is none
  std::int64_t stride = 1, padding = 0;
  at::Tensor forward(const at::Tensor& input) const;
};

/// BatchNorm over the running statistics; eps 1e-5, as torchvision's ResNets have it.
struct BatchNorm {
  at::Tensor weight, bias, mean, variance;  ///< undefined where it was folded: then it does nothing
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

  Convolution convolution(const std::string& name, std::int64_t out, std::int64_t in, std::int64_t kernel,
                          std::int64_t stride);
  /// A convolution without bias under `convolution_name` and the BatchNorm under `norm_name`, folded if
  /// asked.
  std::pair<Convolution, BatchNorm> normalised_convolution(const std::string& convolution_name,
                                                           const std::string& norm_name, std::int64_t out,
                                                           std::int64_t in, std::int64_t kernel,
                                                           std::int64_t stride);
  Linear linear(const std::string& name, std::int64_t out, std::int64_t in);
  LayerNorm layer_norm(const std::string& name, std::int64_t size);

 private:
  at::Tensor kernel_format(const at::Tensor& weight) const;
  Weights& weights_;
  BuildOptions options_;
};

}  // namespace batchfit
