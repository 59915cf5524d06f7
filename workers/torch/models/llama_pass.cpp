#include "models/llama_pass.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/std.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace batchfit {
namespace {

/// Reads the prompts, then makes tokens one at a time, each the likeliest.
Generated generate(const Llama& llama, const at::Tensor& ids, const at::Tensor& padding, std::int64_t count,
                   KvCache& cache, const std::function<void()>& at_first_token) {
  const at::Tensor prompt_logits = llama.forward(ids, cache, 0, padding);
  std::vector<at::Tensor> tokens{prompt_logits.argmax(1, /*keepdim=*/true)};
  if (at_first_token) at_first_token();
  for (std::int64_t i = 1; i < count; ++i) {
    const at::Tensor logits = llama.forward(tokens.back(), cache, ids.size(1) + i - 1, padding);
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

bool PromptIds::padded() const {
  return std::any_of(prompts.begin(), prompts.end(),
                     [&](const auto& prompt) { return static_cast<std::int64_t>(prompt.size()) < length; });
}

std::pair<at::Tensor, at::Tensor> PromptIds::of_batch(std::int64_t batch) const {
  const at::Tensor ids = at::zeros({batch, length}, at::kLong), padding = at::empty({batch}, at::kLong);
  auto* row = ids.mutable_data_ptr<std::int64_t>();
  auto* width = padding.mutable_data_ptr<std::int64_t>();
  for (std::size_t i = 0; i < static_cast<std::size_t>(batch); ++i, row += length) {
    const auto& prompt = prompts[i % prompts.size()];
    width[i] = length - static_cast<std::int64_t>(prompt.size());
    std::copy(prompt.begin(), prompt.end(), row + width[i]);
  }
  return {ids, padding};
}

std::vector<TensorSpec> LlamaPass::cache_for(std::int64_t batch) const {
  return KvCache::tensors(llama_->cache_shape(batch, task_.capacity()), task_.kv, llama_->dtype());
}

std::vector<at::Tensor> LlamaPass::own_inputs(std::int64_t batch) const {
  const bool decodes = task_.mode == LlamaMode::decode;
  if (!decodes) llama_->prepare(batch * task_.length);
  if (task_.mode != LlamaMode::prefill) llama_->prepare(batch);
  std::vector<TensorSpec> specs = cache_for(batch);
  if (prompts_.padded()) specs.insert(specs.begin(), {{batch}, at::kLong});
  const std::int64_t tokens = decodes ? 1 : task_.length;
  specs.insert(specs.begin(), {{batch, tokens}, at::kLong});
  const std::vector<at::Tensor> inputs = tensors_in_one(specs, llama_->device());
  if (!prompts_.prompts.empty()) {
    const auto [ids, padding] = prompts_.of_batch(batch);
    inputs[0].copy_(ids);
    if (prompts_.padded()) inputs[1].copy_(padding);
  } else {
    // Drawn on the CPU, whose numbers are the same on every machine; a batch begins as a smaller one does.
    const auto generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(task_.seed));
    inputs[0].copy_(at::randint(llama_->config().vocabulary, {batch, tokens}, generator, at::kLong));
  }
  if (decodes) KvCache({inputs.begin() + 1, inputs.end()}, task_.kv, llama_->dtype()).fill_at_random();
  return inputs;
}

at::Tensor LlamaPass::forward_all(const std::vector<at::Tensor>& inputs) const {
  const auto cache = inputs.begin() + (prompts_.padded() ? 2 : 1);
  return run(inputs[0], KvCache({cache, inputs.end()}, task_.kv, llama_->dtype()),
             prompts_.padded() ? inputs[1] : at::Tensor());
}

at::Tensor LlamaPass::run(const at::Tensor& ids, KvCache cache, const at::Tensor& padding) const {
  switch (task_.mode) {
    case LlamaMode::prefill:
      return llama_->forward(ids, cache, 0, padding);
    case LlamaMode::decode:
      return llama_->forward(ids, cache, task_.length);
    case LlamaMode::generate:
      break;
  }
  return generate(*llama_, ids, padding, task_.new_tokens, cache, at_first_token).tokens;
}

at::Tensor LlamaPass::forward(const at::Tensor& ids) const {
  return run(ids, fresh_cache(*llama_, ids.size(0), task_.capacity(), task_.kv), {});
}

Generated greedy(const Llama& llama, const at::Tensor& ids, std::int64_t count, KvFormat kv,
                 const at::Tensor& padding) {
  KvCache cache = fresh_cache(llama, ids.size(0), ids.size(1) + count, kv);
  return generate(llama, ids, padding, count, cache, {});
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

double padding_error(const Llama& llama, const at::Tensor& ids, std::int64_t width) {
  const auto logits = [&](const at::Tensor& all, const at::Tensor& padding) {
    const std::int64_t read = all.size(1) - 1;
    KvCache cache = fresh_cache(llama, 1, all.size(1), KvFormat::plain);
    llama.forward(all.narrow(1, 0, read), cache, 0, padding);
    return llama.forward(all.narrow(1, read, 1), cache, read, padding).to(at::kFloat);
  };
  const at::Tensor alone = logits(ids, {});
  const at::Tensor padded =
      logits(at::cat({at::zeros({1, width}, ids.options()), ids}, 1), at::full({1}, width, ids.options()));
  return padded.sub(alone).abs().max().item<double>() / at::std(alone).item<double>();
}

}  // namespace batchfit
