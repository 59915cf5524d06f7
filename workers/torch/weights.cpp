#include "weights.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <cmath>
#include <string_view>

namespace batchfit {
namespace {

bool ends_with(const std::string& name, std::string_view ending) {
  return std::string_view(name).ends_with(ending);
}

std::uint32_t mix(std::uint32_t h) {
  h ^= h >> 16;
  h *= 0x85EBCA6BU;
  h ^= h >> 13;
  h *= 0xC2B2AE35U;
  return h ^ (h >> 16);
}

/// Key of an entry, from which the hash of each of its indices starts.
std::uint32_t key_of_entry(std::uint32_t entry) { return mix((entry + 1) * 0x9E3779B1U + 8); }

/// The hash's value in [-1, 1), exact in double.
double hash_value(std::uint32_t key, std::uint32_t index) {
  const std::uint32_t h = mix((index * 0x85EBCA77U) ^ key);
  return (static_cast<std::int32_t>(h >> 8) - 8388608) * 0x1p-23;
}

/// Values per task: long enough to hide what a task costs.
constexpr std::int64_t fill_grain = 1 << 16;

}  // namespace

at::Tensor Weights::get(const std::string& name, at::IntArrayRef shape, at::ScalarType dtype) {
  Result<at::Tensor> found = find(name, shape, dtype);
  if (found && found->sizes() == shape) return found->to(dtype);
  fail(found ? Error{ErrorKind::usage,
                     fmt::format("weight '{}' has shape [{}] and not [{}]", name,
                                 fmt::join(found->sizes(), ", "), fmt::join(shape, ", ")),
                     "give the weights of this model"}
             : found.error());
  return at::zeros(shape, at::TensorOptions().device(device_).dtype(dtype));
}

ValueRule value_rule(const std::string& name, at::IntArrayRef shape) {
  ValueRule rule;
  if (ends_with(name, "running_mean")) {
    rule = {0, 0.125, false};
  } else if (ends_with(name, "running_var")) {
    rule = {1, 0.5, true};
  } else if (ends_with(name, "class_token") || ends_with(name, "pos_embedding")) {
    rule = {0, 1.0 / 128, false};
  } else if (shape.size() >= 2) {
    std::int64_t fan_in = 1;
    for (const std::int64_t size : shape.slice(1)) fan_in *= size;
    rule = {0, 2.0 / std::sqrt(static_cast<double>(fan_in)), false};
  } else {
    rule = {ends_with(name, "weight") ? 1.0 : 0.0, 0.125, false};
  }
  // What ends a residual branch of a transformer is kept small, so that the sum over its layers stays of one
  // scale.
  for (const char* part : {"conv_proj", "out_proj", "mlp.3"}) {
    if (name.find(part) == std::string::npos) continue;
    rule.offset /= 64;
    rule.scale /= 64;
  }
  return rule;
}

RandomWeights::RandomWeights(at::Device device, std::int64_t seed) : Weights(device) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  generator.set_current_seed(static_cast<std::uint64_t>(seed));
}

Result<at::Tensor> RandomWeights::find(const std::string& name, at::IntArrayRef shape, at::ScalarType dtype) {
  const ValueRule rule = value_rule(name, shape);
  at::Tensor values = at::empty(shape, at::TensorOptions().device(device()).dtype(dtype));
  const double low = rule.magnitude ? rule.offset : rule.offset - rule.scale;
  return values.uniform_(low, rule.offset + rule.scale);
}

void fill_by_hash(float* out, std::int64_t count, std::uint32_t entry, const ValueRule& rule) {
  const std::uint32_t key = key_of_entry(entry);
  at::parallel_for(0, count, fill_grain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const double v = hash_value(key, static_cast<std::uint32_t>(i));
      out[i] = static_cast<float>(rule.offset + rule.scale * (rule.magnitude ? std::abs(v) : v));
    }
  });
}

Result<at::Tensor> HashWeights::find(const std::string& name, at::IntArrayRef shape,
                                     at::ScalarType /*dtype*/) {
  at::Tensor values = at::empty(shape, at::TensorOptions().dtype(at::kFloat));
  fill_by_hash(values.mutable_data_ptr<float>(), values.numel(), next_entry_++, value_rule(name, shape));
  return values.to(device());
}

at::Tensor hash_input() {
  // Coarse values over quadrants of 112 × 112 with fine ones on top, as entries 1000 and 1001 of the hash.
  constexpr std::int64_t items = 2, channels = 3, size = 224, quadrant = 112;
  const std::uint32_t coarse = key_of_entry(1000), fine = key_of_entry(1001);
  at::Tensor input = at::empty({items, channels, size, size}, at::TensorOptions().dtype(at::kFloat));
  float* out = input.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < input.numel(); ++i) {
    const std::int64_t plane = i / (size * size), row = i / size % size, column = i % size;
    const std::int64_t j = (plane * 2 + row / quadrant) * 2 + column / quadrant;
    out[i] = static_cast<float>(1.5 * hash_value(coarse, static_cast<std::uint32_t>(j)) +
                                0.75 * hash_value(fine, static_cast<std::uint32_t>(i)));
  }
  return input;
}

}  // namespace batchfit
