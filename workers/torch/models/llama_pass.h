#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/llama.h"
#include "models/model.h"

namespace batchfit {

/// What one pass of a language model does.
enum class LlamaMode {
  prefill,  ///< reads prompts of `length` tokens and keeps their keys and values
  decode,   ///< makes the token after a context of `length`
  generate  ///< reads prompts of `length` tokens and makes `new_tokens`, each the likeliest
};

struct LlamaTask {
  LlamaMode mode = LlamaMode::prefill;
  std::int64_t length = 512;
  std::int64_t new_tokens = 128;  ///< of generate
  KvFormat kv = KvFormat::plain;

  /// Tokens that a sequence's cache must hold.
  std::int64_t capacity() const;
};

/// One pass over a batch. Its inputs are int64 ids [batch, tokens], then the cache's tensors, which belong to
/// the batch; its output is the last logits
/// [batch, vocabulary], of generate the tokens [batch, new tokens].
class LlamaPass : public Model {
 public:
  LlamaPass(std::shared_ptr<const Llama> llama, const LlamaTask& task)
      : llama_(std::move(llama)), task_(task) {}

  const Llama& llama() const { return *llama_; }

  /// Random ids, and a cache that for decode holds random keys and values.
  std::vector<at::Tensor> own_inputs(std::int64_t batch) const override;
  at::Tensor forward_all(const std::vector<at::Tensor>& inputs) const override;
  /// The same with a cache of its own.
  at::Tensor forward(const at::Tensor& ids) const override;

 private:
  std::vector<TensorSpec> cache_for(std::int64_t batch) const;

  std::shared_ptr<const Llama> llama_;
  LlamaTask task_;
};

struct Generated {
  at::Tensor prompt_logits;  ///< after the prompt, [batch, vocabulary]
  at::Tensor tokens;         ///< int64 [batch, count]
};

/// The likeliest continuation of ids [batch, tokens], one token at a time.
Generated greedy(const Llama& llama, const at::Tensor& ids, std::int64_t count, KvFormat kv);

/// How far the logits [1, vocabulary] after a fixed prompt, whose last token alone is decoded from the cache,
/// are from those with a plain cache, as a share of their spread.
double kv_error(const Llama& llama, KvFormat kv);

}  // namespace batchfit
