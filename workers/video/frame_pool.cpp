#include "video/frame_pool.h"

#include <algorithm>
#include <utility>

namespace batchfit::video {

void FramePool::fill(std::size_t frames) {
  std::vector<std::shared_ptr<std::byte>> lent;
  for (std::size_t i = 0; i < std::min(frames, most_); ++i) lent.push_back(lend());
}

std::shared_ptr<std::byte> FramePool::lend() {
  std::shared_ptr<std::byte> memory;
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return closed_ || !free_.empty() || made_ < most_; });
    if (closed_) return nullptr;
    if (free_.empty()) {
      ++made_;
    } else {
      memory = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!memory) memory = make_(bytes_);
  std::byte* bytes = memory.get();
  return {bytes, [this, memory = std::move(memory)](std::byte*) mutable { take_back(std::move(memory)); }};
}

void FramePool::take_back(std::shared_ptr<std::byte> memory) {
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(memory));
  }
  returned_.notify_one();
}

void FramePool::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  returned_.notify_all();
}

}  // namespace batchfit::video
