#pragma once

#include <ATen/core/Tensor.h>

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

}  // namespace batchfit
