#include "models/attention.h"

#include <ATen/SDPBackend.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/_fused_sdp_choice.h>
#include <ATen/ops/_scaled_dot_product_efficient_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <limits>
#include <tuple>

namespace batchfit {
namespace {

constexpr double no_dropout = 0;
/// Values that a row of a mask must be a multiple of, for the kernel to load several at once.
constexpr std::int64_t mask_alignment = 16;

const char* name_of(at::SDPBackend backend) {
  switch (backend) {
    case at::SDPBackend::math:
      return "math";
    case at::SDPBackend::flash_attention:
      return "flash";
    case at::SDPBackend::efficient_attention:
      return "memory-efficient";
    case at::SDPBackend::cudnn_attention:
      return "cuDNN";
    default:
      return "no";
  }
}

at::SDPBackend expected_backend(const at::Tensor& query) {
  const bool needs_efficient = query.is_cuda() && query.scalar_type() == at::kFloat;
  return needs_efficient ? at::SDPBackend::efficient_attention : at::SDPBackend::flash_attention;
}

}  // namespace

at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  const auto chosen = static_cast<at::SDPBackend>(at::_fused_sdp_choice(query, key, value));
  const at::SDPBackend expected = expected_backend(query);
  TORCH_CHECK(chosen == expected, "attention would run on the ", name_of(chosen), " kernel where the ",
              name_of(expected), " one is expected");
  return at::scaled_dot_product_attention(query, key, value);
}

at::Tensor grouped_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                             bool causal) {
  if (query.is_cpu())
    return std::get<0>(
        at::_scaled_dot_product_flash_attention_for_cpu(query, key, value, no_dropout, causal));
  TORCH_CHECK(query.scalar_type() != at::kFloat, "the flash kernel takes no fp32 on CUDA");
  return std::get<0>(at::_scaled_dot_product_flash_attention(query, key, value, no_dropout, causal));
}

PaddedAttention::PaddedAttention(const at::Tensor& padding, std::int64_t position, std::int64_t tokens,
                                 at::ScalarType dtype)
    : padding_(padding) {
  if (padding.is_cpu()) return;
  const std::int64_t batch = padding.size(0);
  if (position == 0) {
    const at::Tensor begins = at::arange(batch, padding.options()).mul_(tokens);
    const at::Tensor ends = at::stack({begins.add(padding), begins.add(tokens)}, 1).view({2 * batch});
    sequences_ = at::cat({at::zeros({1}, ends.options()), ends}).to(at::kInt);
    return;
  }
  const std::int64_t keys = position + 1;
  const std::int64_t row = (keys + mask_alignment - 1) / mask_alignment * mask_alignment;
  const at::Tensor is_padding = at::arange(row, padding.options()).unsqueeze(0).lt(padding.unsqueeze(1));
  mask_ = at::zeros({batch, row}, padding.options().dtype(dtype))
              .masked_fill_(is_padding, -std::numeric_limits<double>::infinity())
              .view({batch, 1, 1, row})
              .narrow(3, 0, keys);
}

at::Tensor PaddedAttention::of_prompts(const at::Tensor& query, const at::Tensor& key,
                                       const at::Tensor& value) const {
  const std::int64_t batch = query.size(0), tokens = query.size(2);
  if (query.is_cpu()) {
    const at::Tensor out = at::zeros(query.sizes(), query.options());
    const auto* padding = padding_.const_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < batch; ++i) {
      const auto prompt = [&](const at::Tensor& of) {
        return of.narrow(0, i, 1).narrow(2, padding[i], tokens - padding[i]);
      };
      prompt(out).copy_(grouped_attention(prompt(query), prompt(key), prompt(value), /*causal=*/true));
    }
    return out;
  }
  const auto rows = [](const at::Tensor& of) { return of.transpose(1, 2).flatten(0, 1); };
  const at::Tensor out = std::get<0>(at::_flash_attention_forward(
      rows(query), rows(key), rows(value), sequences_, sequences_, tokens, tokens, no_dropout,
      /*is_causal=*/true, /*return_debug_mask=*/false));
  return out.view({batch, tokens, query.size(1), query.size(3)}).transpose(1, 2);
}

at::Tensor PaddedAttention::of_token(const at::Tensor& query, const at::Tensor& keys,
                                     const at::Tensor& values) const {
  const std::int64_t batch = query.size(0), length = keys.size(2);
  if (query.is_cpu()) {
    const at::Tensor out = at::empty_like(query);
    const auto* padding = padding_.const_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < batch; ++i) {
      const auto prompt = [&](const at::Tensor& of) {
        return of.narrow(0, i, 1).narrow(2, padding[i], length - padding[i]);
      };
      out.narrow(0, i, 1).copy_(
          grouped_attention(query.narrow(0, i, 1), prompt(keys), prompt(values), /*causal=*/false));
    }
    return out;
  }
  const at::Tensor mask = mask_.expand({batch, query.size(1), query.size(2), length});
  return std::get<0>(at::_scaled_dot_product_efficient_attention(query, keys, values, mask,
                                                                 /*compute_log_sumexp=*/false));
}

}  // namespace batchfit
