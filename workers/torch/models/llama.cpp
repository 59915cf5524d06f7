#include "models/llama.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>

#include "models/attention.h"

// Touvron et al., arXiv:2302.13971 and 2307.09288; the Llama 3 herd, arXiv:2407.21783.
namespace batchfit {
namespace {

/// Gate and up of more rows come of two products: what is done with them then is limited by memory, and twice
/// as fast on dense tensors as on halves of rows. With few rows one product saves a launch.
constexpr std::int64_t most_rows_together = 128;

}  // namespace

Llama::Llama(const LlamaConfig& config, LlamaWeights& weights)
    : config_(config), products_(weights.device().is_cuda() ? cuda_products() : portable_products()) {
  embedding_ = weights.tensor("model.embed_tokens.weight", {config.vocabulary, config.hidden});
  for (std::int64_t i = 0; i < config.layers; ++i) {
    layers_.push_back(build_layer(weights, "model.layers." + std::to_string(i) + "."));
  }
  norm_ = weights.tensor("model.norm.weight", {config.hidden});
  head_ = config.tied_embeddings ? embedding_
                                 : weights.tensor("lm_head.weight", {config.vocabulary, config.hidden});

  const at::Tensor frequencies = at::tensor(rotary_frequencies(config)).to(at::kFloat);
  const at::Tensor positions = at::arange(config.most_positions, at::TensorOptions().dtype(at::kFloat));
  const at::Tensor angles = at::outer(positions, frequencies).unsqueeze(1);
  const auto on_device = at::TensorOptions().device(weights.device()).dtype(weights.dtype());
  cosines_ = angles.cos().to(on_device);
  sines_ = angles.sin().to(on_device);
}

void Llama::tell_products_of(const std::vector<MatrixWeights>& all) {
  for (const MatrixWeights& weights : all) {
    const auto* four_bit = std::get_if<FourBitMatrix>(&weights);
    if (four_bit == nullptr) continue;
    products_->add(*four_bit);
    has_four_bit_ = true;
  }
}

JoinedLinear Llama::linear(LlamaWeights& weights, const std::vector<MatrixName>& names, std::int64_t columns,
                           bool has_bias) {
  JoinedLinear layer{weights.matrices(names, columns), {}, {}};
  for (const MatrixName& matrix : names) layer.outputs.push_back(matrix.rows);
  tell_products_of(layer.parts);
  if (!has_bias) return layer;
  std::vector<at::Tensor> biases;
  for (const MatrixName& matrix : names)
    biases.push_back(weights.tensor(matrix.name + ".bias", {matrix.rows}));
  layer.bias = at::cat(biases);
  return layer;
}

Llama::Layer Llama::build_layer(LlamaWeights& weights, const std::string& name) {
  const std::int64_t hidden = config_.hidden, queries = config_.heads * config_.head_size,
                     keys = config_.kv_heads * config_.head_size;
  const std::string attention = name + "self_attn.", mlp = name + "mlp.";
  const bool attention_bias = config_.attention_bias, mlp_bias = config_.mlp_bias;
  Layer layer;
  layer.attention_norm = weights.tensor(name + "input_layernorm.weight", {hidden});
  layer.query_key_value = linear(
      weights, {{attention + "q_proj", queries}, {attention + "k_proj", keys}, {attention + "v_proj", keys}},
      hidden, attention_bias);
  layer.output = linear(weights, {{attention + "o_proj", hidden}}, queries, attention_bias);
  layer.mlp_norm = weights.tensor(name + "post_attention_layernorm.weight", {hidden});
  layer.gate_up =
      linear(weights, {{mlp + "gate_proj", config_.intermediate}, {mlp + "up_proj", config_.intermediate}},
             hidden, mlp_bias);
  tell_products_of(layer.gate_up.each());
  layer.down = linear(weights, {{mlp + "down_proj", hidden}}, config_.intermediate, mlp_bias);
  return layer;
}

KvShape Llama::cache_shape(std::int64_t batch, std::int64_t capacity) const {
  return {config_.layers, batch, config_.kv_heads, capacity, config_.head_size};
}

void Llama::prepare(std::int64_t tokens) const { products_->prepare(tokens, dtype()); }

at::Tensor Llama::norm(const at::Tensor& x, const at::Tensor& weight) const {
  return at::rms_norm(x, weight.sizes(), weight, config_.norm_eps);
}

Llama::Step Llama::step_of(const at::Tensor& ids, std::int64_t position, const at::Tensor& padding) const {
  const std::int64_t batch = ids.size(0), tokens = ids.size(1);
  Step step{batch, position, {}, {}, {}};
  if (!padding.defined()) {
    step.cosines = cosines_.narrow(0, position, tokens);
    step.sines = sines_.narrow(0, position, tokens);
    return step;
  }
  // A prompt's own first token is at position 0, however many stand before it.
  const at::Tensor columns = at::arange(position, position + tokens, padding.options());
  const at::Tensor positions = columns.unsqueeze(0).sub(padding.unsqueeze(1)).clamp_min_(0).flatten();
  const auto of_each = [&](const at::Tensor& table) {
    return table.index_select(0, positions).view({batch, tokens, 1, table.size(2)});
  };
  step.cosines = of_each(cosines_);
  step.sines = of_each(sines_);
  step.padded.emplace(padding, position, tokens, dtype());
  return step;
}

/// x [batch, tokens, heads, head size], each pair (i, i + half a head) turned by its position's angle.
at::Tensor Llama::rotated(const at::Tensor& x, const Step& step) const {
  const std::int64_t half = config_.head_size / 2;
  const at::Tensor cosines = step.cosines.unsqueeze(-2);  // of both halves
  const at::Tensor out = at::mul(x.unflatten(3, {2, half}), cosines).flatten(3);
  out.narrow(3, 0, half).addcmul_(x.narrow(3, half, half), step.sines, -1);
  out.narrow(3, half, half).addcmul_(x.narrow(3, 0, half), step.sines);
  return out;
}

at::Tensor Llama::attend(const Layer& layer, std::int64_t index, const at::Tensor& x, KvCache& cache,
                         const Step& step) const {
  const std::int64_t heads = config_.heads, kv_heads = config_.kv_heads, size = config_.head_size;
  const std::int64_t batch = step.batch, tokens = x.size(0) / batch, position = step.position;
  const at::Tensor qkv =
      layer.query_key_value.forward(x, *products_).view({batch, tokens, heads + 2 * kv_heads, size});
  const at::Tensor turned = rotated(qkv.narrow(2, 0, heads + kv_heads), step);
  const at::Tensor query = turned.narrow(2, 0, heads);
  const at::Tensor key = turned.narrow(2, heads, kv_heads).transpose(1, 2);
  const at::Tensor value = qkv.narrow(2, heads + kv_heads, kv_heads).transpose(1, 2);
  cache.append(index, position, key, value);
  at::Tensor mixed;
  if (position == 0) {
    const at::Tensor queries = query.transpose(1, 2);
    mixed = step.padded ? step.padded->of_prompts(queries, key, value)
                        : grouped_attention(queries, key, value, /*causal=*/true);
    mixed = mixed.transpose(1, 2);
  } else {
    // One query a head, and the heads of a group share their keys: they are so many queries of one head.
    const auto [keys, values] = cache.first(index, position + 1);
    const at::Tensor queries = query.view({batch, kv_heads, heads / kv_heads, size});
    mixed = step.padded ? step.padded->of_token(queries, keys, values)
                        : grouped_attention(queries, keys, values, /*causal=*/false);
  }
  return layer.output.forward(mixed.reshape({batch * tokens, heads * size}), *products_);
}

at::Tensor Llama::feed_forward(const Layer& layer, const at::Tensor& x) const {
  at::Tensor gate, up;
  if (x.size(0) > most_rows_together) {
    const auto each = layer.gate_up.forward_each(x, *products_);
    gate = each[0];
    up = each[1];
  } else {
    const at::Tensor both = layer.gate_up.forward(x, *products_);
    gate = both.narrow(1, 0, config_.intermediate);
    up = both.narrow(1, config_.intermediate, config_.intermediate);
  }
  at::silu_(gate);
  return layer.down.forward(gate.mul_(up), *products_);
}

at::Tensor Llama::forward(const at::Tensor& ids, KvCache& cache, std::int64_t position,
                          const at::Tensor& padding) const {
  const std::int64_t batch = ids.size(0), tokens = ids.size(1);
  TORCH_CHECK(position == 0 || tokens == 1, "after the prompt one token at a time is expected");
  const Step step = step_of(ids, position, padding);
  at::Tensor x = at::embedding(embedding_, ids).view({batch * tokens, config_.hidden});
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    x.add_(attend(layer, static_cast<std::int64_t>(i), norm(x, layer.attention_norm), cache, step));
    x.add_(feed_forward(layer, norm(x, layer.mlp_norm)));
  }
  const at::Tensor last = x.view({batch, tokens, config_.hidden}).select(1, tokens - 1);
  return at::linear(norm(last, norm_), head_);
}

}  // namespace batchfit
