#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "models/tensors_in_one.h"

namespace batchfit {

/// How keys and values are kept; the number is the bits of one value.
enum class KvFormat : int {
  nf4 = 4,    ///< codes, and an absmax for each block of 64 values (or a whole head, where it is smaller)
  int8 = 8,   ///< one scale for each head of each token
  plain = 16  ///< the model's dtype
};

struct KvShape {
  std::int64_t layers = 0, batch = 0, heads = 0, capacity = 0, head_size = 0;
};

/// The keys and values of a batch of sequences, for all layers, in memory that is given. Quantised by ATen
/// operations alone, which a captured graph repeats: bitsandbytes' own quantise off the stream.
class KvCache {
 public:
  /// The tensors that it is made of. `dtype` is the model's.
  static std::vector<TensorSpec> tensors(const KvShape& shape, KvFormat format, at::ScalarType dtype);

  /// Takes tensors of those shapes, for a model of that dtype.
  KvCache(std::vector<at::Tensor> tensors, KvFormat format, at::ScalarType dtype);

  /// Fills it with finite values.
  void fill_at_random();

  /// Keeps keys and values [batch, heads, tokens, head size] at the positions from `position` on.
  void append(std::int64_t layer, std::int64_t position, const at::Tensor& key, const at::Tensor& value);

  /// The first `length` keys and values in the model's dtype, [batch, heads, length, head size].
  std::pair<at::Tensor, at::Tensor> first(std::int64_t layer, std::int64_t length) const;

  /// Bytes that a token of one sequence takes.
  std::int64_t bytes_of_token() const;

 private:
  void keep(std::size_t at, std::int64_t position, const at::Tensor& values);
  at::Tensor widened(std::size_t at, std::int64_t length) const;

  std::vector<at::Tensor> tensors_;  ///< of each layer keys, then values: codes, and scales where quantised
  KvFormat format_;
  at::ScalarType dtype_;
};

}  // namespace batchfit
