#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/attention.h"
#include "models/kv_cache.h"
#include "models/llama_config.h"
#include "models/llama_weights.h"
#include "quant/linear.h"

namespace batchfit {

/// Llama 2, 3 and 3.1 with their weights on a device, as transformers computes them: pre-norm, grouped query
/// attention, SwiGLU.
class Llama {
 public:
  /// Takes the weights' first error over no further than that: check it before the first pass.
  Llama(const LlamaConfig& config, LlamaWeights& weights);

  const LlamaConfig& config() const { return config_; }
  at::Device device() const { return embedding_.device(); }
  at::ScalarType dtype() const { return embedding_.scalar_type(); }
  /// What makes its products with 4-bit weights; null where it has none.
  const FourBitProducts* four_bit_products() const { return has_four_bit_ ? products_.get() : nullptr; }

  /// A cache for `batch` sequences of up to `capacity` tokens.
  KvShape cache_shape(std::int64_t batch, std::int64_t capacity) const;

  /// To be called before a pass of as many tokens in all, outside of a capture.
  void prepare(std::int64_t tokens) const;

  /// One pass over int64 ids [batch, tokens]: a whole prompt (position 0), or one token of each sequence
  /// after the `position` that the cache holds. Keeps their keys and values in the cache and returns the
  /// logits of the last token, [batch, vocabulary]. `padding`, int64 [batch], says how many of a prompt's
  /// first ids are none, in the passes after it too: the rest gives what it gives alone. Throws c10::Error.
  at::Tensor forward(const at::Tensor& ids, KvCache& cache, std::int64_t position,
                     const at::Tensor& padding = {}) const;

 private:
  struct Layer {
    at::Tensor attention_norm, mlp_norm;
    JoinedLinear query_key_value, output, gate_up, down;
  };
  /// What all layers of a pass need of its tokens' places.
  struct Step {
    std::int64_t batch, position;
    at::Tensor cosines,
        sines;  ///< of the tokens: [tokens, 1, …], where there is padding [batch, tokens, 1, …]
    std::optional<PaddedAttention> padded;
  };
  Step step_of(const at::Tensor& ids, std::int64_t position, const at::Tensor& padding) const;
  Layer build_layer(LlamaWeights& weights, const std::string& name);
  void tell_products_of(const std::vector<MatrixWeights>& all);
  JoinedLinear linear(LlamaWeights& weights, const std::vector<MatrixName>& names, std::int64_t columns,
                      bool has_bias);
  at::Tensor attend(const Layer& layer, std::int64_t index, const at::Tensor& x, KvCache& cache,
                    const Step& step) const;
  at::Tensor feed_forward(const Layer& layer, const at::Tensor& x) const;
  at::Tensor norm(const at::Tensor& x, const at::Tensor& weight) const;
  at::Tensor rotated(const at::Tensor& x, const Step& step) const;

  LlamaConfig config_;
  std::unique_ptr<FourBitProducts> products_;
  bool has_four_bit_ = false;
  at::Tensor embedding_, norm_, head_;
  at::Tensor cosines_, sines_;  ///< [positions, 1, head size / 2]
  std::vector<Layer> layers_;
};

}  // namespace batchfit
