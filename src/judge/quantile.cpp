#include "judge/quantile.h"

#include <algorithm>
#include <cmath>

#include "facts/summary.h"
#include "judge/sign_test.h"

namespace batchfit {

Seconds quantile(std::vector<Seconds> samples, double share) {
  if (share == 0.5) return median(std::move(samples));
  const auto rank = static_cast<std::ptrdiff_t>(std::ceil(share * static_cast<double>(samples.size())));
  const auto at = samples.begin() + std::clamp<std::ptrdiff_t>(rank, 1, std::ssize(samples)) - 1;
  std::nth_element(samples.begin(), at, samples.end());
  return *at;
}

QuantileBounds quantile_bounds(std::vector<Seconds> samples, double share, double alpha) {
  std::sort(samples.begin(), samples.end());
  const auto count = static_cast<int>(samples.size());
  const auto verdict = [&](int within) { return sign_test(count, within, alpha, share); };
  QuantileBounds bounds;
  // Verdicts go from fail over undecided to pass as more samples lie within.
  const auto middle = static_cast<int>(share * count);
  for (int below = middle; below >= 0 && !bounds.low; --below) {
    if (below < count && verdict(below) == Verdict::fail)
      bounds.low = samples[static_cast<std::size_t>(below)];
  }
  for (int within = middle; within <= count && !bounds.high; ++within) {
    if (within > 0 && verdict(within) == Verdict::pass)
      bounds.high = samples[static_cast<std::size_t>(within) - 1];
  }
  return bounds;
}

}  // namespace batchfit
