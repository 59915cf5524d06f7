#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"

namespace batchfit::files {
class WeightsFile;
}

namespace batchfit {

/// Where a model's weights come from. A model asks for its entries by the names and in the order of
/// torchvision's state dict (without the num_batches_tracked counters): generated weights count on that
/// order.
class Weights {
 public:
  virtual ~Weights() = default;

  /// The entry on the device. A missing or misshapen one gives zeros, and the first such error is
  /// kept for `error`, so that building a model reads as a list of its entries.
  at::Tensor get(const std::string& name, at::IntArrayRef shape, at::ScalarType dtype = at::kFloat);

  const std::optional<Error>& error() const { return error_; }

  /// For what else is wrong while a model is built; the first error counts.
  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }

  at::Device device() const { return device_; }

  /// The file they come from, which may describe the model too; null where they are generated.
  virtual const files::WeightsFile* file() const { return nullptr; }

 protected:
  explicit Weights(at::Device device) : device_(device) {}

 private:
  /// The entry in the dtype, or in float32, which `get` casts. A source that can should make it in the dtype:
  /// float32 values freed between the weights leave holes in the allocator's segments (20 MiB for ViT-B/16).
  virtual Result<at::Tensor> find(const std::string& name, at::IntArrayRef shape, at::ScalarType dtype) = 0;

  at::Device device_;
  std::optional<Error> error_;
};

/// How a generated value is made from v in [-1, 1): offset + scale · v, or offset + scale · |v|.
struct ValueRule {
  double offset = 0;
  double scale = 1;
  bool magnitude = false;
};

/// The rule for an entry, by its name and shape (tests/data/torchvision-logits.json, `rule`). Products keep
/// the activations' scale (2/sqrt(fan-in), uniform), so that they stay finite in fp16, and a variance is
/// near 1.
ValueRule value_rule(const std::string& name, at::IntArrayRef shape);

/// Uniform random weights under `value_rule`, made on the device by its own generator. The same seed gives
/// the same weights on the same kind of device.
class RandomWeights : public Weights {
 public:
  RandomWeights(at::Device device, std::int64_t seed);

 private:
  Result<at::Tensor> find(const std::string& name, at::IntArrayRef shape, at::ScalarType dtype) override;
};

/// Weights under `value_rule` from an integer hash of the entry's number and the value's index, bit for bit
/// the same everywhere; source of the hash: tests/data/torchvision-logits.json, `rule`.
class HashWeights : public Weights {
 public:
  explicit HashWeights(at::Device device) : Weights(device) {}

 private:
  Result<at::Tensor> find(const std::string& name, at::IntArrayRef shape, at::ScalarType dtype) override;
  std::uint32_t next_entry_ = 0;
};

/// out[i] = (float)(offset + scale · v(entry, i)) for i < count, with the hash's v(k, i).
void fill_by_hash(float* out, std::int64_t count, std::uint32_t entry, const ValueRule& rule);

/// The input that the rule goes with, [2, 3, 224, 224] float32 on the CPU.
at::Tensor hash_input();

}  // namespace batchfit
