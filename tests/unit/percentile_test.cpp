#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "judge/judge.h"
#include "judge/quantile.h"
#include "support/facts.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests
using testing::HasSubstr;

const Environment alone{100 * gibibyte, 0};

Ruling ruling_of(const std::vector<Record>& records, Batch batch, const Limits& limits) {
  return judge(evidence_of(records), batch, limits, alone, Timing::graph);
}

/// `count` samples of which one in `every` takes `slow` times as long.
std::vector<Seconds> with_a_tail(int count, Seconds usual, int every, double slow) {
  std::vector<Seconds> samples;
  for (int i = 1; i <= count; ++i) samples.push_back(i % every == 0 ? usual * slow : usual);
  return samples;
}

TEST(Percentile, a_percentile_under_an_absolute_limit_asks_for_the_samples_that_it_needs) {
  Limits bound{MemoryShare{}, LatencyBound{0.05}, 95};
  const auto ruled = [&](std::vector<Seconds> samples) {
    return ruling_of({measured(8).samples(std::move(samples))}, 8, bound);
  };
  EXPECT_EQ(ruled(with_a_tail(5, 0.01, 100, 1)).wants, Probe(Measure{8, 95})) << "however far off";
  EXPECT_EQ(ruled(with_a_tail(100, 0.01, 1000, 1)).verdict, Verdict::pass);
  const Ruling heavy = ruled(with_a_tail(100, 0.01, 6, 10));
  EXPECT_EQ(heavy.verdict, Verdict::fail) << "one in six is beyond the limit, though the median is far below";
  EXPECT_DOUBLE_EQ(heavy.latency->value, 0.1);
  EXPECT_EQ(ruled(with_a_tail(5, 0.06, 100, 1)).verdict, Verdict::fail)
      << "where the median fails, so does it";
}

TEST(Percentile, a_percentile_that_there_is_no_time_for_is_undecided_and_says_so) {
  const Limits bound{MemoryShare{}, LatencyBound{5}, 99};
  const Ruling ruling = judge(evidence_of({measured(8).samples(5, 1)}), 8, bound, alone, Timing::graph);
  EXPECT_EQ(ruling.verdict, Verdict::undecided);
  EXPECT_FALSE(ruling.wants);
  EXPECT_THAT(ruling.why, HasSubstr("more samples than there is time for"));
}

TEST(Percentile, a_percentile_under_a_ratio_is_judged_by_the_bounds_of_both_batches) {
  const Limits limits{MemoryShare{}, LatencyRatio{2}, 95};
  std::vector<Record> records{measured(1).samples(5, 0.001), measured(8).samples(5, 0.0011)};
  const auto asked = ruling_of(records, 8, limits).wants;
  ASSERT_TRUE(asked && std::holds_alternative<Compare>(*asked)) << "solo samples settle no percentile";
  const auto ruled = [&](Seconds candidate, int every, double slow) {
    Comparison comparison{1, 8, {}, {}, 0, 0};
    for (const Seconds sample : with_a_tail(std::get<Compare>(*asked).pairs, candidate, every, slow)) {
      comparison.pairs.push_back({0.001, sample, true});
    }
    std::vector<Record> with = records;
    with.emplace_back(comparison);
    return ruling_of(with, 8, limits);
  };
  EXPECT_EQ(ruled(0.0019, 1000, 1).verdict, Verdict::pass);
  EXPECT_EQ(ruled(0.0011, 5, 3).verdict, Verdict::fail);
  const Ruling open = ruled(0.0019, 20, 2);
  EXPECT_EQ(open.verdict, Verdict::undecided);
  EXPECT_TRUE(open.wants);
}

TEST(Quantile, its_bounds_hold_it_with_the_stated_confidence) {
  constexpr int runs = 2'000;
  constexpr double alpha = 0.05;
  const double truth = -std::log(0.1);  // the 90th percentile of an exponential distribution
  int below = 0;
  int above = 0;
  for (int run = 0; run < runs; ++run) {
    std::mt19937_64 bits(static_cast<std::uint64_t>(run));
    std::vector<Seconds> samples;
    for (int i = 0; i < 200; ++i)
      samples.push_back(-std::log(1 - std::ldexp(static_cast<double>(bits() >> 11), -53)));
    const QuantileBounds bounds = quantile_bounds(samples, 0.9, alpha);
    ASSERT_TRUE(bounds.low && bounds.high);
    below += truth < *bounds.low;
    above += truth > *bounds.high;
  }
  EXPECT_LE(below, alpha * runs);
  EXPECT_LE(above, alpha * runs);
  EXPECT_FALSE(quantile_bounds({1, 2, 3}, 0.9, alpha).high) << "three samples bound nothing from above";
}

}  // namespace
}  // namespace batchfit
