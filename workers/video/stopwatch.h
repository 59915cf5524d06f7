#pragma once

#include <atomic>
#include <cstdint>

#include "video/frame.h"

namespace batchfit::video {

/// Time spent by several threads.
class Stopwatch {
 public:
  void add(Clock::duration time) { nanoseconds_ += std::chrono::nanoseconds(time).count(); }
  Seconds seconds() const { return static_cast<double>(nanoseconds_) * 1e-9; }

 private:
  std::atomic<std::int64_t> nanoseconds_ = 0;
};

/// Adds the time until the end of its scope.
class Timed {
 public:
  explicit Timed(Stopwatch& watch) : watch_(watch), start_(Clock::now()) {}
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;
  ~Timed() { watch_.add(Clock::now() - start_); }

 private:
  Stopwatch& watch_;
  Clock::time_point start_;
};

}  // namespace batchfit::video
