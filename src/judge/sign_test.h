#pragma once

#include <optional>

#include "judge/verdict.h"

namespace batchfit {

/// Evidence that the chance of a success is above one half: the mixture martingale
///     M = 2ⁿ · 2∫[½,1] pᵏ(1−p)ⁿ⁻ᵏ dp = Σ_{j≤k} C(n+1, j) / ((n+1) · C(n, k))
/// over n trials with k successes. While that chance is at most one half, M exceeds 1/α at any time of any
/// run with probability at most α (Ville's inequality), so it may be looked at after every trial.
double sign_martingale(int trials, int successes);

/// pass where successes are proven the more likely side at level alpha, fail where failures are, else
/// undecided. alpha bounds the chance of each of the two mistakes. 7 of 7 pass at 0.05, 10 of 11, 12 of 14,
/// 14 of 17.
Verdict sign_test(int trials, int successes, double alpha);

/// How many trials in all settle the test if those to come succeed at `rate`, or fail where more failed so
/// far: at most `most`; absent where not even those do.
std::optional<int> trials_to_settle(int trials, int successes, double alpha, double rate, int most);

/// The level of the k-th test of a search (k ≥ 1): α·6/(π²k²), so that all tests together spend α.
double level_of_test(double alpha, int k);

}  // namespace batchfit
