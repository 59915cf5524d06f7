#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace batchfit {

/// scaled_dot_product_attention of [batch, heads, tokens, head size] tensors without mask or dropout. Throws
/// c10::Error where a kernel other than the expected one would run (on CUDA flash for fp16 and bf16 and
/// memory-efficient for fp32; flash on a CPU): a silent fall-back changes both time and memory.
at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value);

/// The same by the flash kernel, which is called itself, so that no other can run, for queries
/// [batch, heads, queries, head size] of which each group of heads shares one of the fewer heads of key and
/// value: nothing is expanded. `causal`: query i sees the keys up to i. fp16 and bf16 on CUDA.
at::Tensor grouped_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                             bool causal);

/// The same over a batch of prompts that are padded on the left to one length, of which no token may see
/// padding. `padding`: int64 [batch], how many of a prompt's first tokens are none. Every output is finite,
/// those of padding too. Throws c10::Error.
class PaddedAttention {
 public:
  /// For `tokens` queries at the positions from `position` on, of tensors in `dtype`: several at 0, which are
  /// the prompts, or one later.
  PaddedAttention(const at::Tensor& padding, std::int64_t position, std::int64_t tokens,
                  at::ScalarType dtype);

  /// Causal attention within the prompts: queries [batch, heads, tokens, head size], keys and values of as
  /// many tokens. On CUDA by the flash kernel for sequences of unequal length, to which the padding of a
  /// prompt is a sequence of its own: there is no mask, and nothing is copied.
  at::Tensor of_prompts(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) const;

  /// Attention of one token to all before it: its queries are folded, [batch, key heads, group, head size].
  /// On CUDA by the memory-efficient kernel, which takes a mask.
  at::Tensor of_token(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values) const;

 private:
  at::Tensor padding_;
  at::Tensor sequences_;  ///< on CUDA, of prompts: where each padding and each prompt begins, int32
  at::Tensor mask_;       ///< on CUDA, of a token: [batch, 1, 1, keys], 0 or minus infinity
};

}  // namespace batchfit
