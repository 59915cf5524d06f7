#pragma once

#include <algorithm>
#include <chrono>

#include "facts/evidence.h"

namespace batchfit {

/// Time since it was made: the wall's, or what the records say they took where that is more, as it is on a
/// simulated device, whose seconds pass in no time.
class Stopwatch {
 public:
  void add(const Record& record) {
    if (const auto* seen = std::get_if<Observation>(&record)) took_ += seen->took;
    if (const auto* seen = std::get_if<Comparison>(&record)) took_ += seen->took;
  }
  Seconds seconds() const {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start_;
    return std::max(took_, wall.count());
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Seconds took_ = 0;
};

}  // namespace batchfit
