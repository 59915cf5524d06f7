#pragma once

#include <cstdint>
#include <memory>
#include <utility>
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
  std::int64_t seed = 0;  ///< of random ids

  /// Tokens that a sequence's cache must hold.
  std::int64_t capacity() const;
};

/// Prompts as token ids, none longer than `length`; the shorter ones are padded on the left.
struct PromptIds {
  std::vector<std::vector<std::int64_t>> prompts;  ///< none: ids are random
  std::int64_t length = 0;

  /// Whether any is shorter.
  bool padded() const;

  /// A batch takes the first prompts, all of them over again where it is larger. On the CPU: int64 ids
  /// [batch, length], and padding [batch], how many of their first ids are none.
  std::pair<at::Tensor, at::Tensor> of_batch(std::int64_t batch) const;
};

/// One pass over a batch. Its inputs are int64 ids [batch, tokens], of padded prompts their padding [batch],
/// then the cache's tensors, which belong to the batch; its output is the last logits
/// [batch, vocabulary], of generate the tokens [batch, new tokens].
class LlamaPass : public Model {
 public:
  /// The length of the prompts, if there are any, is the task's.
  LlamaPass(std::shared_ptr<const Llama> llama, const LlamaTask& task, PromptIds prompts = {})
      : llama_(std::move(llama)), task_(task), prompts_(std::move(prompts)) {}

  const std::shared_ptr<const Llama>& llama() const { return llama_; }

  /// Ids, and a cache that for decode holds random keys and values.
  std::vector<at::Tensor> own_inputs(std::int64_t batch) const override;
  at::Tensor forward_all(const std::vector<at::Tensor>& inputs) const override;
  /// The same with a cache of its own, of ids without padding.
  at::Tensor forward(const at::Tensor& ids) const override;

 private:
  std::vector<TensorSpec> cache_for(std::int64_t batch) const;
  at::Tensor run(const at::Tensor& ids, KvCache cache, const at::Tensor& padding) const;

  std::shared_ptr<const Llama> llama_;
  LlamaTask task_;
  PromptIds prompts_;
};

struct Generated {
  at::Tensor prompt_logits;  ///< after the prompt, [batch, vocabulary]
  at::Tensor tokens;         ///< int64 [batch, count]
};

/// The likeliest continuation of ids [batch, tokens], one token at a time; `padding` as Llama::forward has
/// it.
Generated greedy(const Llama& llama, const at::Tensor& ids, std::int64_t count, KvFormat kv,
                 const at::Tensor& padding = {});

/// How far the logits [1, vocabulary] after a fixed prompt, whose last token alone is decoded from the cache,
/// are from those with a plain cache, as a share of their spread.
double kv_error(const Llama& llama, KvFormat kv);

/// How far the logits [1, vocabulary] after a prompt, whose last token alone is decoded from the cache, are
/// off by `width` ids of padding before it, as a share of their spread. ids: int64 [1, tokens].
double padding_error(const Llama& llama, const at::Tensor& ids, std::int64_t width);

}  // namespace batchfit
