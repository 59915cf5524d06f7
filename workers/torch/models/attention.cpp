#include "models/attention.h"

#include <ATen/SDPBackend.h>
#include <ATen/ops/_fused_sdp_choice.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <c10/util/Exception.h>

#include <tuple>

namespace batchfit {
namespace {

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
  constexpr double no_dropout = 0;
  if (query.is_cpu())
    return std::get<0>(
        at::_scaled_dot_product_flash_attention_for_cpu(query, key, value, no_dropout, causal));
  TORCH_CHECK(query.scalar_type() != at::kFloat, "the flash kernel takes no fp32 on CUDA");
  return std::get<0>(at::_scaled_dot_product_flash_attention(query, key, value, no_dropout, causal));
}

}  // namespace batchfit
