#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace batchfit {

struct TensorSpec {
  std::vector<std::int64_t> shape;
  at::ScalarType dtype = at::kFloat;
};

/// Dense tensors, not filled, in one allocation: what a batch needs then grows evenly with it, where so many
/// allocations would each be rounded up to the allocator's next segment.
std::vector<at::Tensor> tensors_in_one(const std::vector<TensorSpec>& specs, at::Device device);

}  // namespace batchfit
