#include "judge/sign_test.h"

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

double level_of_test(double alpha, int k) {
  return alpha * 6 / (std::numbers::pi * std::numbers::pi * k * k);
}

}  // namespace batchfit
