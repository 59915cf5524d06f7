#pragma once

#include <optional>

#include "judge/verdict.h"

namespace batchfit {

/// Evidence that the chance of a success is above `share`: the mixture martingale
///     M = ∫[s,1] (p/s)ᵏ((1−p)/(1−s))ⁿ⁻ᵏ dp / (1−s) = Σ_{j≤k} C(n+1, j) sʲ⁻ᵏ(1−s)ᵏ⁻ʲ / ((n+1) · C(n, k))
/// over n trials with k successes, s the share. While that chance is at most s, M exceeds 1/α at any time of
/// any run with probability at most α (Ville's inequality), so it may be looked at after every trial.
double sign_martingale(int trials, int successes, double share = 0.5);

/// pass where the chance of a success is proven above `share` at level alpha, fail where it is proven below,
/// else undecided. alpha bounds the chance of each of the two mistakes. At one half, 7 of 7 pass at 0.05, 10
/// of 11, 12 of 14, 14 of 17.
Verdict sign_test(int trials, int successes, double alpha, double share = 0.5);

/// A sign test under way.
struct Trials {
  int made = 0;
  int successes = 0;
  double alpha = 0.05;
  double share = 0.5;

  /// How many trials in all settle the test, at most `most`, if the rate of successes among those to come is
  /// `deviations` standard deviations better than the rate so far for the side that leads; before the first,
  /// if all agree. Absent where they do not settle it.
  std::optional<int> to_settle(int most, double deviations = 0) const;
};

/// The level of the k-th test of a search (k ≥ 1): α·6/(π²k²), so that all tests together spend α.
double level_of_test(double alpha, int k);

}  // namespace batchfit
