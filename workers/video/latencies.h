#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>

#include "base/units.h"

namespace batchfit::video {

/// Percentiles of durations in memory that does not grow: they are counted in bins 2 % wide.
class Latencies {
 public:
  void add(Seconds seconds) {
    const double bin = std::log(std::max(seconds, shortest) / shortest) / std::log(step);
    ++counts_[std::min(static_cast<std::size_t>(bin), counts_.size() - 1)];
    ++all_;
  }

  /// The middle of the bin that `share` of the durations reach; nullopt where there are none.
  std::optional<Seconds> percentile(double share) const {
    if (all_ == 0) return std::nullopt;
    std::int64_t seen = 0;
    std::size_t bin = 0;
    while (bin + 1 < counts_.size() &&
           static_cast<double>(seen += counts_[bin]) < share * static_cast<double>(all_))
      ++bin;
    return shortest * std::pow(step, static_cast<double>(bin) + 0.5);
  }

 private:
  static constexpr Seconds shortest = 1e-6;
  static constexpr double step = 1.02;
  std::array<std::int64_t, 1200> counts_{};  ///< to over five hours
  std::int64_t all_ = 0;
};

}  // namespace batchfit::video
