#include "judge/sign_test.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace batchfit {

double sign_martingale(int trials, int successes) {
  // Terms C(n+1, j) / C(n, k) from j = k downwards, each from the one before: no factorial overflows.
  double term = static_cast<double>(trials + 1) / (trials + 1 - successes);
  double sum = 0;
  for (int j = successes; j >= 0; --j) {
    sum += term;
    term *= static_cast<double>(j) / (trials + 2 - j);
  }
  return sum / (trials + 1);
}

Verdict sign_test(int trials, int successes, double alpha) {
  if (sign_martingale(trials, successes) >= 1 / alpha) return Verdict::pass;
  if (sign_martingale(trials, trials - successes) >= 1 / alpha) return Verdict::fail;
  return Verdict::undecided;
}

std::optional<int> trials_to_settle(int trials, int successes, double alpha, double rate, int most) {
  const int leading = std::max(successes, trials - successes);
  for (int total = trials + 1; total <= most; ++total) {
    const int agreeing = leading + static_cast<int>(std::lround(rate * (total - trials)));
    if (sign_martingale(total, agreeing) >= 1 / alpha) return total;
  }
  return std::nullopt;
}

double level_of_test(double alpha, int k) {
  return alpha * 6 / (std::numbers::pi * std::numbers::pi * k * k);
}

}  // namespace batchfit
