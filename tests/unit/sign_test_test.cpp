#include "judge/sign_test.h"

#include <gtest/gtest.h>

#include <cmath>

namespace batchfit {
namespace {

TEST(SignTest, at_5_percent_it_needs_7_of_7_or_10_of_11_or_12_of_14_or_14_of_17) {
  for (const auto& [successes, trials] : {std::pair{7, 7}, {10, 11}, {12, 14}, {14, 17}}) {
    EXPECT_EQ(sign_test(trials, successes, 0.05), Verdict::pass) << successes << " of " << trials;
    EXPECT_EQ(sign_test(trials, successes - 1, 0.05), Verdict::undecided)
        << successes - 1 << " of " << trials;
    EXPECT_EQ(sign_test(trials, trials - successes, 0.05), Verdict::fail);
    EXPECT_EQ(sign_test(trials, trials - successes + 1, 0.05), Verdict::undecided);
  }
  EXPECT_EQ(sign_test(6, 6, 0.05), Verdict::undecided);
  EXPECT_EQ(sign_test(0, 0, 0.05), Verdict::undecided);
}

/// M = ∫[s,1] (p/s)ᵏ((1−p)/(1−s))ⁿ⁻ᵏ dp / (1−s) by Simpson's rule.
double integrated(int trials, int successes, double share) {
  constexpr int steps = 20'000;
  const auto density = [&](double p) {
    return std::pow(p / share, successes) * std::pow((1 - p) / (1 - share), trials - successes);
  };
  double sum = density(share) + density(1);
  for (int i = 1; i < steps; ++i) sum += density(share + (1 - share) * i / steps) * (i % 2 == 1 ? 4 : 2);
  return sum / steps / 3;
}

TEST(SignTest, the_martingale_equals_its_integral) {
  for (const double share : {0.5, 0.9, 0.99}) {
    for (const int trials : {0, 1, 2, 7, 16, 64, 256}) {
      for (int successes = 0; successes <= trials; successes += 1 + trials / 20) {
        const double expected = integrated(trials, successes, share);
        EXPECT_NEAR(sign_martingale(trials, successes, share) / expected, 1, 1e-6)
            << successes << " of " << trials << " at " << share;
      }
    }
  }
}

TEST(SignTest, at_one_half_its_mean_stays_so_that_it_may_be_looked_at_after_every_trial) {
  for (int trials = 0; trials < 100; ++trials) {
    for (int successes = 0; successes <= trials; ++successes) {
      // What makes it a martingale: at p = ½ the mean of its next value is its value now.
      const double next =
          (sign_martingale(trials + 1, successes) + sign_martingale(trials + 1, successes + 1)) / 2;
      ASSERT_NEAR(next / sign_martingale(trials, successes), 1, 1e-9) << successes << " of " << trials;
    }
  }
}

TEST(SignTest, it_says_how_many_trials_settle_it_at_a_rate) {
  EXPECT_EQ((Trials{0, 0, 0.05}.to_settle(256)), 7);
  EXPECT_EQ((Trials{7, 0, 0.03}.to_settle(256)), 8) << "failures settle it too";
  EXPECT_EQ((Trials{32, 16, 0.05}.to_settle(256)), std::nullopt);
  EXPECT_TRUE((Trials{32, 17, 0.05}.to_settle(256, 2))) << "the rate may be better than it looks";
  EXPECT_EQ((Trials{0, 0, 0.05}.to_settle(6)), std::nullopt);
  EXPECT_EQ((Trials{0, 0, 0.05, 0.95}.to_settle(256)), 88) << "the 95th percentile needs more";
}

TEST(SignTest, the_levels_of_all_tests_together_spend_alpha) {
  double spent = 0;
  for (int k = 1; k < 100'000; ++k) spent += level_of_test(0.05, k);
  EXPECT_LT(spent, 0.05);
  EXPECT_NEAR(spent, 0.05, 1e-5);
}

}  // namespace
}  // namespace batchfit
