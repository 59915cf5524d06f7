#include "report/distribution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sample_runs.h"

namespace batchfit {
namespace {

using testing::Contains;
using testing::HasSubstr;
using Sizes = std::map<std::string, std::int64_t>;

/// The encoder of the sample, whose longest input decides, with another figure for length 512.
TunedWorkload with_512(Seconds latency, Bytes more_memory, Timing timing = Timing::graph) {
  TunedWorkload tuned = sample::many_lengths().workloads[0];
  tuned.subject->workload.timing = timing;
  DistributionPoint& point = tuned.distribution->points[1];
  point.observation = tuned.answer.at_best;
  point.observation->samples = {latency};
  *point.observation->memory.reserved_peak += more_memory;
  return tuned;
}

TEST(Distribution, throughput_weighs_each_inputs_time) {
  const auto figures = distribution_figures(sample::many_lengths().workloads[0]);
  ASSERT_TRUE(figures && figures->throughput);
  EXPECT_NEAR(*figures->throughput, 3.0 * 10 / (6 * 0.0008 + 3 * 0.0021 + 0.0072), 1e-6);
  EXPECT_EQ(figures->holds, true);
  EXPECT_EQ(figures->latency_decider, (Sizes{{"length", 2048}}));
  EXPECT_EQ(figures->memory_decider, (Sizes{{"length", 2048}}));
}

TEST(Distribution, an_input_slower_than_the_largest_is_named_and_the_answer_does_not_hold) {
  const TunedWorkload tuned = with_512(0.0078, 0);  // within the limit of 8 ms
  const auto figures = distribution_figures(tuned);
  EXPECT_EQ(figures->latency_decider, (Sizes{{"length", 512}}));
  EXPECT_EQ(figures->memory_decider, (Sizes{{"length", 2048}}));
  EXPECT_EQ(figures->holds, false);
  EXPECT_THAT(distribution_lines(tuned),
              Contains(HasSubstr("at batch 3 length 512 takes 7.80 ms, length 2048 7.20 ms")));
}

TEST(Distribution, what_the_device_drifts_between_two_probes_is_no_difference) {
  EXPECT_EQ(distribution_figures(with_512(0.00725, 0))->holds, true);
  EXPECT_EQ(distribution_figures(with_512(0.0078, 0, Timing::eager))->holds, true);
  EXPECT_EQ(distribution_figures(with_512(0.0072, 2 * mebibyte))->holds, true);
}

TEST(Distribution, an_input_over_the_limit_is_named_however_little_it_differs) {
  TunedWorkload tuned = with_512(0.0073, 0);
  tuned.answer.best->latency->limit = 0.00725;
  EXPECT_EQ(distribution_figures(tuned)->holds, false);
  EXPECT_THAT(distribution_lines(tuned), Contains(HasSubstr("breaks the limit of 7.25 ms")));
}

TEST(Distribution, an_input_bigger_than_the_largest_is_named) {
  const TunedWorkload tuned = with_512(0.0072, gibibyte);
  const auto figures = distribution_figures(tuned);
  EXPECT_EQ(figures->memory_decider, (Sizes{{"length", 512}}));
  EXPECT_EQ(figures->holds, false);
}

TEST(Distribution, an_input_that_is_out_of_memory_decides_that_limit) {
  TunedWorkload tuned = with_512(0.0072, 0);
  DistributionPoint& point = tuned.distribution->points[1];
  point.observation->outcome = Outcome::out_of_memory;
  point.observation->samples.clear();
  point.observation->memory = {};
  const auto figures = distribution_figures(tuned);
  EXPECT_EQ(figures->holds, false);
  EXPECT_FALSE(figures->throughput);
  EXPECT_EQ(figures->memory_decider, (Sizes{{"length", 512}}));
  EXPECT_THAT(distribution_lines(tuned), Contains(HasSubstr("length 512 is out of memory")));
}

TEST(Distribution, an_input_that_was_not_measured_leaves_it_unproven) {
  TunedWorkload tuned = with_512(0.0021, 0);
  tuned.distribution->points[0].observation.reset();
  const auto figures = distribution_figures(tuned);
  EXPECT_FALSE(figures->throughput);
  EXPECT_FALSE(figures->holds);
  EXPECT_THAT(distribution_lines(tuned), Contains(HasSubstr("unproven: length 128 could not be measured")));
}

TEST(Distribution, a_limit_that_was_not_judged_is_decided_by_nothing) {
  TunedWorkload tuned = with_512(0.0078, 0);
  tuned.answer.best->latency.reset();
  const auto figures = distribution_figures(tuned);
  EXPECT_FALSE(figures->latency_decider);
  EXPECT_EQ(figures->holds, true);
}

TEST(Distribution, sizes_that_do_not_vary_are_not_repeated) {
  TunedWorkload tuned = with_512(0.0078, 0);
  tuned.subject->workload.shape["layers"] = 32;  // the model's own
  tuned.distribution->largest["width"] = 64;     // asked for, one size
  for (DistributionPoint& point : tuned.distribution->points) point.input.sizes["width"] = 64;
  EXPECT_THAT(distribution_lines(tuned), Contains(HasSubstr("the limits are judged at length 2048")));
  EXPECT_THAT(distribution_lines(tuned), Contains(HasSubstr("so length 512 decides the latency limit")));
  tuned.distribution->points.clear();
  EXPECT_THAT(distribution_lines(tuned), Contains(HasSubstr("judged at length 2048, width 64")));
}

TEST(Distribution, inputs_that_are_all_alike_have_no_figures_and_no_lines) {
  const TunedWorkload tuned = sample::two_models().workloads[0];
  EXPECT_FALSE(distribution_figures(tuned));
  EXPECT_TRUE(distribution_lines(tuned).empty());
}

}  // namespace
}  // namespace batchfit
