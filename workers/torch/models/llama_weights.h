#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "files/checkpoint.h"
#include "quant/linear.h"
#include "quant/quant_state.h"
#include "tensor_reader.h"

namespace batchfit {

/// One of the matrices that a linear layer's weights are joined of: NAME.weight [rows, columns].
struct MatrixName {
  std::string name;
  std::int64_t rows = 0;
};

/// Where a Llama's weights come from, by the names of transformers' state dict. What is missing or misshapen
/// gives anything of the right shape, and the first such error is kept, so that building a model reads as a
/// list of its entries.
class LlamaWeights {
 public:
  virtual ~LlamaWeights() = default;

  /// A tensor on the device, in the model's dtype.
  virtual at::Tensor tensor(const std::string& name, at::IntArrayRef shape) = 0;

  /// The matrices one below the other, joined into one where they are stored alike.
  virtual std::vector<MatrixWeights> matrices(const std::vector<MatrixName>& names, std::int64_t columns) = 0;

  at::Device device() const { return device_; }
  at::ScalarType dtype() const { return dtype_; }
  const std::optional<Error>& error() const { return error_; }

 protected:
  LlamaWeights(at::Device device, at::ScalarType dtype) : device_(device), dtype_(dtype) {}
  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }

 private:
  at::Device device_;
  at::ScalarType dtype_;
  std::optional<Error> error_;
};

/// Random weights made on the device: where they are `four_bit` in the form of a checkpoint, doubly
/// quantised, so that no float of them is ever there; else dense. What ends a residual branch is kept small:
/// the stream stays of one scale.
class RandomLlamaWeights : public LlamaWeights {
 public:
  RandomLlamaWeights(at::Device device, at::ScalarType dtype, std::int64_t seed,
                     std::optional<FourBitCode> four_bit);

  at::Tensor tensor(const std::string& name, at::IntArrayRef shape) override;
  std::vector<MatrixWeights> matrices(const std::vector<MatrixName>& names, std::int64_t columns) override;

 private:
  FourBitMatrix random_four_bit(const std::vector<QuantState>& states, double largest) const;

  std::optional<FourBitCode> four_bit_;
};

/// The weights of a checkpoint: floating-point ones, and those that bitsandbytes wrote in 4 bits.
class CheckpointLlamaWeights : public LlamaWeights {
 public:
  CheckpointLlamaWeights(std::shared_ptr<const files::Checkpoint> checkpoint, at::Device device,
                         at::ScalarType dtype);

  at::Tensor tensor(const std::string& name, at::IntArrayRef shape) override;
  std::vector<MatrixWeights> matrices(const std::vector<MatrixName>& names, std::int64_t columns) override;

  /// Keeps an error that names a tensor which no model asked for; what transformers leaves out is none.
  void check_all_used(bool tied_embeddings);

  /// Of all that was read, and of the configuration.
  std::string digest() const { return reader_.digest(); }
  std::int64_t bytes_read() const { return reader_.bytes_read(); }

 private:
  const files::NamedTensor* find(const std::string& name);
  const files::NamedTensor* find(const std::string& name, files::ElementType type, std::int64_t count);
  std::optional<QuantState> state_of(const MatrixName& matrix, std::int64_t columns);
  bool share_values(const std::vector<MatrixName>& names) const;
  void read_four_bit(const std::string& name, const FourBitMatrix& out);

  std::shared_ptr<const files::Checkpoint> checkpoint_;
  TensorReader reader_;
  std::unordered_set<std::string> used_;
};

}  // namespace batchfit
