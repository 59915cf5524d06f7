#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "files/named_tensor.h"

namespace batchfit {

/// Copies bytes of mapped files to tensors on one device, and hashes them on the way, so that a file is read
/// once. What was copied is dropped from this process's memory, which therefore does not grow by it.
class TensorReader {
 public:
  explicit TensorReader(at::Device device);

  at::Device device() const { return device_; }

  /// A new tensor on the device, dense and in the file's own type. The stored tensor's elements must be
  /// dense.
  at::Tensor read(const files::NamedTensor& stored);

  /// Fills a contiguous tensor on the device with bytes, which must be as many.
  void read_into(files::ByteSpan bytes, const at::Tensor& out);

  /// Makes the text part of what the digest tells of.
  void include(std::string_view text);

  /// How many bytes were copied so far.
  std::int64_t bytes_read() const { return bytes_read_; }

  /// 16 hexadecimal digits that tell what was read so far apart from anything else, in this order.
  std::string digest() const;

  /// Puts `size` bytes from host memory at `to` on the device; called by several threads at once, each with
  /// its own number.
  using Copy = std::function<void(int thread, const std::byte* from, std::int64_t size, std::byte* to)>;

 private:
  at::Device device_;
  Copy copy_;
  std::int64_t bytes_read_ = 0;
  std::vector<std::uint64_t> hashes_;  ///< of the pieces
};

/// How bytes get to a CUDA device: through pinned memory of each thread.
TensorReader::Copy cuda_copy(at::Device device, int threads, std::int64_t largest);

}  // namespace batchfit
