#include "search/memory_bound.h"

#include <gtest/gtest.h>

#include "support/facts.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests

const Environment alone{80 * gibibyte, 0};
const Environment beside_40_gib{80 * gibibyte, 40 * gibibyte};
const Limits half{MemoryShare{0.5}, NoLimit{}};
const Limits eight_gib{OwnMemory{8 * gibibyte}, NoLimit{}};

/// 1 GiB and 100 MiB an item, at batches 1, 2, 4, 8.
Evidence four_batches() {
  Evidence evidence;
  for (const Batch batch : {1, 2, 4, 8}) evidence.add(measured(batch).own(gibibyte + batch * 100 * mebibyte));
  return evidence;
}

SearchSpace space_to(Batch max_batch) { return {max_batch, Timing::graph, {}}; }

/// Where a search looks for the limit after four batches.
std::optional<Batch> target_of(const Limits& limits, const Environment& environment, Batch max_batch) {
  const Evidence evidence = four_batches();
  return MemoryBound(evidence, limits, environment, space_to(max_batch)).target(8, max_batch, false);
}

TEST(MemoryBound, a_wide_forecast_is_followed_half_the_way_or_as_far_as_it_is_certain) {
  const Batch truth = 7 * gibibyte / (100 * mebibyte);
  const auto target = target_of(eight_gib, alone, 4096);
  ASSERT_TRUE(target);
  EXPECT_GE(*target, 8 + (truth - 8) / 2);
  EXPECT_LT(*target, truth);
}

TEST(MemoryBound, where_a_batch_beyond_the_limit_was_measured_the_likeliest_is_taken) {
  Evidence evidence = four_batches();
  evidence.add(measured(96).own(gibibyte + 96 * 100 * mebibyte));
  EXPECT_EQ(MemoryBound(evidence, eight_gib, alone, space_to(4096)).target(8, 95, true),
            7 * gibibyte / (100 * mebibyte));
}

TEST(MemoryBound, under_a_cap_only_what_is_certain_is_taken) {
  const Evidence evidence = four_batches();
  SearchSpace strict = space_to(4096);
  strict.strict = true;
  const MemoryBound bound(evidence, eight_gib, alone, strict);
  const auto target = bound.target(8, 96, true);
  ASSERT_TRUE(target);
  EXPECT_LE(forecast(evidence, *target)->high, 8 * gibibyte);
  EXPECT_FALSE(bound.forbids(*target));
  EXPECT_TRUE(bound.forbids(7 * gibibyte / (100 * mebibyte) + 1)) << "the likeliest is more than the cap";
}

TEST(MemoryBound, there_is_no_target_where_all_of_the_range_is_within) {
  EXPECT_FALSE(target_of(eight_gib, alone, 16));
}

TEST(MemoryBound, a_neighbour_takes_its_part_of_a_share_but_not_of_an_amount) {
  const Evidence evidence = four_batches();
  EXPECT_FALSE(MemoryBound(evidence, half, alone, space_to(4096)).expects_beyond(16));
  EXPECT_TRUE(MemoryBound(evidence, half, beside_40_gib, space_to(4096)).expects_beyond(16))
      << "40 GiB of 80 are taken already";
  EXPECT_FALSE(MemoryBound(evidence, eight_gib, beside_40_gib, space_to(4096)).expects_beyond(16));
}

TEST(MemoryBound, what_the_device_cannot_hold_is_forbidden_by_the_lower_bound) {
  const Evidence evidence = four_batches();
  const MemoryBound bound(evidence, eight_gib, alone, space_to(4096));
  const auto largest = bound.largest_runnable(9, 4096);
  ASSERT_TRUE(largest);
  EXPECT_LE(forecast(evidence, *largest)->low, 80 * gibibyte);
  EXPECT_GT(forecast(evidence, *largest + 1)->low, 79 * gibibyte);
  EXPECT_TRUE(bound.forbids(*largest + 1));
  EXPECT_FALSE(bound.largest_runnable(2000, 4096));
}

TEST(MemoryBound, peaks_alone_are_followed_half_as_far_as_traces) {
  Evidence evidence = four_batches();
  const Batch by_peaks = MemoryBound(evidence, half, alone, space_to(4096)).longest_jump();
  evidence.add(AllocationTrace{});
  EXPECT_EQ(MemoryBound(evidence, half, alone, space_to(4096)).longest_jump(), 2 * by_peaks);
}

TEST(MemoryBound, there_is_none_without_a_memory_figure_or_a_known_total) {
  const Evidence nothing = evidence_of({failed(1)});
  const MemoryBound unknown(nothing, eight_gib, alone, space_to(64));
  EXPECT_FALSE(unknown.forbids(64));
  EXPECT_FALSE(unknown.target(1, 64, false));
  EXPECT_FALSE(unknown.look_ahead(2));
  EXPECT_EQ(unknown.largest_runnable(2, 64), 64);
  EXPECT_FALSE(target_of(half, Environment{}, 64));
  EXPECT_FALSE(beyond_memory(evidence_of({failed(1)}), 64, eight_gib, alone));
  EXPECT_FALSE(beyond_memory(four_batches(), 4096, half, Environment{}));
}

TEST(MemoryBound, a_batch_is_beyond_only_where_its_lower_bound_is) {
  const Evidence evidence = four_batches();
  const Batch possible = crossing(Forecaster(evidence), 8 * gibibyte, 1, 4096)->possible;
  EXPECT_FALSE(beyond_memory(evidence, possible, eight_gib, alone));
  const auto beyond = beyond_memory(evidence, possible + 1, eight_gib, alone);
  ASSERT_TRUE(beyond);
  EXPECT_GT(beyond->low, 8 * gibibyte);
  EXPECT_EQ(beyond->batch, possible + 1);
}

TEST(MemoryBound, a_batch_that_ran_out_of_memory_under_a_larger_cap_is_beyond) {
  Evidence evidence = four_batches();
  evidence.add(out_of_memory(32).cap(10 * gibibyte));
  EXPECT_TRUE(beyond_memory(evidence, 32, eight_gib, alone));
}

}  // namespace
}  // namespace batchfit
