#include "models/kv_cache.h"

#include <ATen/ops/amax.h>
#include <ATen/ops/bucketize.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/mul.h>

#include <algorithm>

#include "quant/four_bit.h"

namespace batchfit {
namespace {

constexpr std::int64_t largest_block = 64;
constexpr double largest_code = 127;
/// Below it a block is all zeros; dividing by it gives zeros, where dividing by 0 would not.
constexpr double smallest_scale = 1e-6;

std::int64_t block_size_of(std::int64_t head_size) {
  return head_size % largest_block == 0 ? largest_block : head_size;
}

}  // namespace

std::vector<TensorSpec> KvCache::tensors(const KvShape& shape, KvFormat format, at::ScalarType dtype) {
  const auto spec = [&](std::int64_t values, at::ScalarType type) {
    return TensorSpec{{shape.batch, shape.heads, shape.capacity, values}, type};
  };
  std::vector<TensorSpec> specs;
  for (std::int64_t i = 0; i < 2 * shape.layers; ++i) {
    switch (format) {
      case KvFormat::plain:
        specs.push_back(spec(shape.head_size, dtype));
        break;
      case KvFormat::int8:
        specs.push_back(spec(shape.head_size, at::kChar));
        specs.push_back(spec(1, dtype));
        break;
      case KvFormat::nf4:
        specs.push_back(spec(shape.head_size / 2, at::kByte));
        specs.push_back(spec(shape.head_size / block_size_of(shape.head_size), at::kFloat));
        break;
    }
  }
  return specs;
}

KvCache::KvCache(std::vector<at::Tensor> tensors, KvFormat format, at::ScalarType dtype)
    : tensors_(std::move(tensors)), format_(format), dtype_(dtype) {}

void KvCache::fill_at_random() {
  for (const at::Tensor& tensor : tensors_) {
    switch (tensor.scalar_type()) {
      case at::kByte:
        tensor.random_(0, 256);
        break;
      case at::kChar:
        tensor.random_(-127, 128);
        break;
      default:
        // Values, or scales whose products with the codes are of about their size.
        if (format_ == KvFormat::plain) {
          tensor.normal_();
        } else {
          tensor.fill_(format_ == KvFormat::int8 ? 1.7 / largest_code : 1.9);
        }
    }
  }
}

std::int64_t KvCache::bytes_of_token() const {
  std::int64_t bytes = 0;
  for (const at::Tensor& tensor : tensors_) {
    bytes += static_cast<std::int64_t>(tensor.element_size()) * tensor.size(1) * tensor.size(3);
  }
  return bytes;
}

void KvCache::append(std::int64_t layer, std::int64_t position, const at::Tensor& key,
                     const at::Tensor& value) {
  const std::size_t tensors = format_ == KvFormat::plain ? 1 : 2;
  const std::size_t at = static_cast<std::size_t>(layer) * 2 * tensors;
  keep(at, position, key);
  keep(at + tensors, position, value);
}

std::pair<at::Tensor, at::Tensor> KvCache::first(std::int64_t layer, std::int64_t length) const {
  const std::size_t tensors = format_ == KvFormat::plain ? 1 : 2;
  const std::size_t at = static_cast<std::size_t>(layer) * 2 * tensors;
  return {widened(at, length), widened(at + tensors, length)};
}

void KvCache::keep(std::size_t at, std::int64_t position, const at::Tensor& values) {
  const std::int64_t tokens = values.size(2);
  const at::Tensor out = tensors_[at].narrow(2, position, tokens);
  if (format_ == KvFormat::plain) {
    out.copy_(values);
    return;
  }
  const at::Tensor scales = tensors_[at + 1].narrow(2, position, tokens);
  if (format_ == KvFormat::int8) {
    // The codes go with the scale as it is kept, so that its rounding adds no error.
    const at::Tensor scale =
        values.abs().amax(3, /*keepdim=*/true).div_(largest_code).clamp_min_(smallest_scale);
    scales.copy_(scale);
    out.copy_(values.to(at::kFloat).div(scale).round_().clamp_(-largest_code, largest_code));
    return;
  }
  quantise_nf4(values, out, scales);
}

at::Tensor KvCache::widened(std::size_t at, std::int64_t length) const {
  const at::Tensor& codes = tensors_[at];
  if (format_ == KvFormat::plain) return codes.narrow(2, 0, length);
  const at::Tensor& scales = tensors_[at + 1];
  if (format_ == KvFormat::int8) return at::mul(codes.narrow(2, 0, length), scales.narrow(2, 0, length));
  return dequantise_nf4(codes, scales, dtype_).narrow(2, 0, length);
}

}  // namespace batchfit
