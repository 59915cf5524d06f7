#include "judge/sign_test.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace batchfit {
namespace {

// Terms smaller than this share of the sum change nothing in it.
constexpr double negligible = 1e-17;

}  // namespace

double sign_martingale(int trials, int successes, double share) {
  // Terms C(n+1, j) sʲ⁻ᵏ(1−s)ᵏ⁻ʲ / C(n, k) from j = k downwards, each from the one before: no factorial
  // overflows.
  const double odds = (1 - share) / share;
  double term = static_cast<double>(trials + 1) / (trials + 1 - successes);
  double sum = 0;
  for (int j = successes; j >= 0 && term > negligible * sum; --j) {
    sum += term;
    term *= odds * j / (trials + 2 - j);
  }
  return sum / (trials + 1);
}

Verdict sign_test(int trials, int successes, double alpha, double share) {
  if (sign_martingale(trials, successes, share) >= 1 / alpha) return Verdict::pass;
  if (sign_martingale(trials, trials - successes, 1 - share) >= 1 / alpha) return Verdict::fail;
  return Verdict::undecided;
}

std::optional<int> Trials::to_settle(int most, double deviations) const {
  const double seen = made > 0 ? static_cast<double>(successes) / made : 1;
  const double better = made > 0 ? deviations * std::sqrt(share * (1 - share) / made) : 0;
  const double rate = std::clamp(seen + (seen >= share ? better : -better), 0.0, 1.0);
  for (int total = made + 1; total <= most; ++total) {
    const int agreeing = successes + static_cast<int>(std::lround(rate * (total - made)));
    if (sign_test(total, agreeing, alpha, share) != Verdict::undecided) return total;
  }
  return std::nullopt;
}

double level_of_test(double alpha, int k) {
  return alpha * 6 / (std::numbers::pi * std::numbers::pi * k * k);
}

}  // namespace batchfit
