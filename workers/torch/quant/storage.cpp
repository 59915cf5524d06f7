#include "quant/storage.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <numeric>

namespace batchfit {
namespace {

std::int64_t rows_of(const QuantState& matrix) { return matrix.shape[0]; }

/// 0 where absmax is plain.
std::int64_t nested_size(const QuantState& matrix) { return matrix.nested ? matrix.nested->block_size : 0; }

NestedAbsmax nested_storage(const std::vector<QuantState>& matrices, std::int64_t blocks, at::Device device) {
  const auto on_device = at::TensorOptions().device(device);
  NestedAbsmax nested;
  nested.block_size = matrices.front().nested->block_size;
  nested.codes = at::empty({blocks}, on_device.dtype(at::kByte));
  nested.maxima =
      at::empty({(blocks + nested.block_size - 1) / nested.block_size}, on_device.dtype(at::kFloat));
  nested.values = at::empty({256}, on_device.dtype(at::kFloat));
  std::int64_t rows_of_offset = 0;
  for (const QuantState& matrix : matrices) rows_of_offset = std::gcd(rows_of_offset, rows_of(matrix));
  std::vector<float> offsets;
  for (const QuantState& matrix : matrices) {
    nested.parts.push_back(rows_of(matrix));
    offsets.insert(offsets.end(), static_cast<std::size_t>(rows_of(matrix) / rows_of_offset),
                   static_cast<float>(matrix.nested->offset));
  }
  nested.offsets = at::tensor(offsets).to(device);
  return nested;
}

}  // namespace

bool stored_alike(const std::vector<QuantState>& matrices) {
  const QuantState& like = matrices.front();
  return std::all_of(matrices.begin(), matrices.end(), [&](const QuantState& matrix) {
    const std::int64_t whole = matrix.block_size * std::max<std::int64_t>(nested_size(matrix), 1);
    return matrix.code == like.code && matrix.block_size == like.block_size &&
           nested_size(matrix) == nested_size(like) && rows_of(matrix) * matrix.shape[1] % whole == 0;
  });
}

FourBitMatrix storage_for(const std::vector<QuantState>& matrices, at::Device device) {
  FourBitMatrix storage;
  for (const QuantState& matrix : matrices) storage.rows += rows_of(matrix);
  storage.columns = matrices.front().shape[1];
  storage.block_size = matrices.front().block_size;
  storage.code = matrices.front().code;
  const auto on_device = at::TensorOptions().device(device);
  storage.packed = at::empty({(storage.rows * storage.columns + 1) / 2}, on_device.dtype(at::kByte));
  if (matrices.front().nested) {
    storage.nested = nested_storage(matrices, storage.blocks(), device);
  } else {
    storage.absmax = at::empty({storage.blocks()}, on_device.dtype(at::kFloat));
  }
  return storage;
}

}  // namespace batchfit
