#pragma once

#include <optional>
#include <vector>

#include "base/units.h"

namespace batchfit {

/// Below and above what the quantile lies, each but for a chance of alpha, at any time of a run that is
/// looked at while it grows. Absent where there are too few samples to say so.
struct QuantileBounds {
  std::optional<Seconds> low;
  std::optional<Seconds> high;
};

/// The sample that `share` of the samples do not exceed; their median at one half. Samples must not be empty.
Seconds quantile(std::vector<Seconds> samples, double share);

/// Order statistics: the quantile is at most x where more samples than `share` are proven to be (sign_test),
/// and at least x where fewer are proven to lie below it. Nothing is assumed of how samples are distributed.
QuantileBounds quantile_bounds(std::vector<Seconds> samples, double share, double alpha);

}  // namespace batchfit
