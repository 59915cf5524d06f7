#include "models/llama_pass.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/std.h>

#include <algorithm>

namespace batchfit {
namespace {

/// Reads the prompts, then makes tokens one at a time, each the likeliest.
Generated generate(const Llama& llama, const at::Tensor& ids, std::int64_t count, KvCache& cache,
                   const std::function<void()>& at_first_token) {
  const at::Tensor prompt_logits = llama.forward(ids, cache, 0);
  std::vector<at::Tensor> tokens{prompt_logits.argmax(1, /*keepdim=*/true)};
  if (at_first_token) at_first_token();
  for (std::int64_t i = 1; i < count; ++i) {
    const at::Tensor logits = llama.forward(tokens.back(), cache, ids.size(1) + i - 1);
    tokens.push_back(logits.argmax(1, /*keepdim=*/true));
  }
  return {prompt_logits, at::cat(tokens, 1)};
}

KvCache fresh_cache(const Llama& llama, std::int64_t batch, std::int64_t capacity, KvFormat kv) {
  const auto specs = KvCache::tensors(llama.cache_shape(batch, capacity), kv, llama.dtype());
  return {tensors_in_one(specs, llama.device()), kv, llama.dtype()};
}

}  // namespace

std::int64_t LlamaTask::capacity() const {
  switch (mode) {
    case LlamaMode::prefill:
      return length;
    case LlamaMode::decode:
      return length + 1;
    case LlamaMode::generate:
      // The last token is made but not read.
      return length + std::max<std::int64_t>(new_tokens - 1, 0);
  }
  return length;
}

std::vector<TensorSpec> LlamaPass::cache_for(std::int64_t batch) const {
  return KvCache::tensors(llama_->cache_shape(batch, task_.capacity()), task_.kv, llama_->dtype());
}

std::vector<at::Tensor> LlamaPass::own_inputs(std::int64_t batch) const {
  const bool decodes = task_.mode == LlamaMode::decode;
  if (!decodes) llama_->prepare(batch * task_.length);
  if (task_.mode != LlamaMode::prefill) llama_->prepare(batch);
  std::vector<TensorSpec> specs = cache_for(batch);
  specs.insert(specs.begin(), {{batch, decodes ? 1 : task_.length}, at::kLong});
  const std::vector<at::Tensor> inputs = tensors_in_one(specs, llama_->device());
  inputs.front().random_(0, llama_->config().vocabulary);
  if (decodes) KvCache({inputs.begin() + 1, inputs.end()}, task_.kv, llama_->dtype()).fill_at_random();
  return inputs;
}

at::Tensor LlamaPass::forward_all(const std::vector<at::Tensor>& inputs) const {
  KvCache cache({inputs.begin() + 1, inputs.end()}, task_.kv, llama_->dtype());
  const at::Tensor& ids = inputs.front();
  switch (task_.mode) {
    case LlamaMode::prefill:
      return llama_->forward(ids, cache, 0);
    case LlamaMode::decode:
      return llama_->forward(ids, cache, task_.length);
    case LlamaMode::generate:
      break;
  }
  return generate(*llama_, ids, task_.new_tokens, cache, at_first_token).tokens;
}

at::Tensor LlamaPass::forward(const at::Tensor& ids) const {
  std::vector<at::Tensor> inputs = tensors_in_one(cache_for(ids.size(0)), llama_->device());
  inputs.insert(inputs.begin(), ids);
  return forward_all(inputs);
}

Generated greedy(const Llama& llama, const at::Tensor& ids, std::int64_t count, KvFormat kv) {
  KvCache cache = fresh_cache(llama, ids.size(0), ids.size(1) + count, kv);
  return generate(llama, ids, count, cache, {});
}

double kv_error(const Llama& llama, KvFormat kv) {
  constexpr std::int64_t longest = 64, stride = 7919;  // a prime: the ids go all over the vocabulary
  const std::int64_t tokens = std::min(longest, llama.config().most_positions);
  const auto options = at::TensorOptions().device(llama.device()).dtype(at::kLong);
  const at::Tensor ids =
      at::arange(tokens, options).mul_(stride).remainder_(llama.config().vocabulary).unsqueeze(0);
  const auto logits = [&](KvFormat format) {
    KvCache cache = fresh_cache(llama, 1, tokens, format);
    llama.forward(ids.narrow(1, 0, tokens - 1), cache, 0);
    return llama.forward(ids.narrow(1, tokens - 1, 1), cache, tokens - 1).to(at::kFloat);
  };
  const at::Tensor plain = logits(KvFormat::plain);
  return logits(kv).sub_(plain).abs().max().item<double>() / at::std(plain).item<double>();
}

}  // namespace batchfit
