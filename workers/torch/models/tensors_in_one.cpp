#include "models/tensors_in_one.h"

#include <ATen/ops/empty.h>
#include <c10/util/accumulate.h>

namespace batchfit {
namespace {

/// What the caching allocator aligns to; kernels that load vectors count on it.
constexpr std::int64_t alignment = 512;

std::int64_t bytes_of(const TensorSpec& spec) {
  return c10::multiply_integers(spec.shape) * static_cast<std::int64_t>(c10::elementSize(spec.dtype));
}

std::int64_t aligned(std::int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

}  // namespace

std::vector<at::Tensor> tensors_in_one(const std::vector<TensorSpec>& specs, at::Device device) {
  std::int64_t total = 0;
  for (const TensorSpec& spec : specs) total += aligned(bytes_of(spec));
  const at::Tensor storage = at::empty({total}, at::TensorOptions().device(device).dtype(at::kByte));
  std::vector<at::Tensor> tensors;
  std::int64_t at = 0;
  for (const TensorSpec& spec : specs) {
    tensors.push_back(storage.narrow(0, at, bytes_of(spec)).view(spec.dtype).view(spec.shape));
    at += aligned(bytes_of(spec));
  }
  return tensors;
}

}  // namespace batchfit
