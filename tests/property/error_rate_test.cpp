#include <gtest/gtest.h>

#include <cmath>

#include "support/simulated_device.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests

struct Decisions {
  int passes = 0;
  int fails = 0;
  int undecided = 0;
};

/// Judges batch 2 of a device where it takes `share` of the limit, many times over, each with noise of its
/// own.
Decisions decide(double share, double noise, int times) {
  const Limits limits;
  const auto latency = [&](Batch batch) { return batch == 1 ? 0.001 : 0.002 * share; };
  const auto memory = [](Batch) { return gibibyte; };
  Decisions out;
  for (int i = 0; i < times; ++i) {
    SimulatedDevice device{latency, memory};
    device.noise = noise;
    device.seed = static_cast<std::uint64_t>(i) + 1;
    const SearchSpace space{2, Timing::graph, {}};
    const Search made = search(sweep(space), device, limits, space);
    const Ruling ruling = judge(made.evidence, 2, limits, device.environment(), space.timing, space.rules);
    ++(ruling.verdict == Verdict::pass   ? out.passes
       : ruling.verdict == Verdict::fail ? out.fails
                                         : out.undecided);
  }
  return out;
}

constexpr int times = 2'000;

class ErrorRate : public testing::TestWithParam<double> {};

TEST_P(ErrorRate, of_a_batch_1_percent_over_the_limit_at_most_alpha_passes) {
  const Decisions decisions = decide(1.01, GetParam(), times);
  EXPECT_LE(decisions.passes, JudgeRules{}.alpha * times);
  RecordProperty("passes", decisions.passes);
  RecordProperty("undecided", decisions.undecided);
}

TEST_P(ErrorRate, of_a_batch_1_percent_under_the_limit_at_most_alpha_fails) {
  const Decisions decisions = decide(0.99, GetParam(), times);
  EXPECT_LE(decisions.fails, JudgeRules{}.alpha * times);
  RecordProperty("fails", decisions.fails);
  RecordProperty("undecided", decisions.undecided);
}

TEST_P(ErrorRate, of_a_batch_on_the_limit_at_most_alpha_goes_either_way) {
  const Decisions decisions = decide(1, GetParam(), times);
  EXPECT_LE(decisions.passes, JudgeRules{}.alpha * times);
  EXPECT_LE(decisions.fails, JudgeRules{}.alpha * times);
}

INSTANTIATE_TEST_SUITE_P(Noise, ErrorRate, testing::Values(0.004, 0.02, 0.05), [](const auto& noise) {
  return std::to_string(std::lround(noise.param * 1000)) + "_per_mille";
});

TEST(Power, at_the_noise_of_graph_replays_1_percent_off_is_nearly_always_decided) {
  EXPECT_GE(decide(1.01, 0.004, times).fails, 0.99 * times);
  EXPECT_GE(decide(0.99, 0.004, times).passes, 0.99 * times);
}

}  // namespace
}  // namespace batchfit
