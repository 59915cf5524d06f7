#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace batchfit::video {

/// The memory of the frames of one input, made when first needed and used again: what bounds how far its
/// decoder may run ahead. Must outlive what it lends.
class FramePool {
 public:
  using Make = std::function<std::shared_ptr<std::byte>(std::size_t bytes)>;

  FramePool(std::size_t bytes, std::size_t most, Make make)
      : bytes_(bytes), most_(most), make_(std::move(make)) {}

  /// Makes memory ahead, for so many frames of the most: pinning it takes longer than decoding into it.
  void fill(std::size_t frames);

  /// Waits for memory that is free; it is given back when the last copy goes. Null once the pool is closed.
  std::shared_ptr<std::byte> lend();

  /// Nobody waits any more.
  void close();

  std::size_t bytes() const { return bytes_; }

 private:
  void take_back(std::shared_ptr<std::byte> memory);

  std::size_t bytes_, most_, made_ = 0;
  Make make_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::shared_ptr<std::byte>> free_;
  bool closed_ = false;
};

}  // namespace batchfit::video
