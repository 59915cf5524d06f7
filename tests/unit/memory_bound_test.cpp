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

TEST(MemoryBound, the_batches_lie_in_order_around_the_true_one) {
  const auto bound = memory_bound(four_batches(), eight_gib, alone, 4096);
  ASSERT_TRUE(bound);
  const Batch truth = 7 * gibibyte / (100 * mebibyte);
  EXPECT_LE(bound->certain, bound->likely);
  EXPECT_LE(bound->likely, bound->possible);
  EXPECT_LE(bound->certain, truth);
  EXPECT_GE(bound->possible, truth);
  EXPECT_NEAR(static_cast<double>(bound->likely), static_cast<double>(truth), 2);
}

TEST(MemoryBound, no_batch_beyond_the_largest_allowed_is_named) {
  EXPECT_EQ(memory_bound(four_batches(), eight_gib, alone, 16)->possible, 16);
}

TEST(MemoryBound, a_neighbour_takes_its_part_of_a_share_but_not_of_an_amount) {
  const auto share_alone = memory_bound(four_batches(), half, alone, 4096);
  const auto share_beside = memory_bound(four_batches(), half, beside_40_gib, 4096);
  EXPECT_GT(share_alone->likely, 0);
  EXPECT_EQ(share_beside->possible, 0) << "40 GiB of 80 are taken already";
  EXPECT_EQ(memory_bound(four_batches(), eight_gib, alone, 4096)->likely,
            memory_bound(four_batches(), eight_gib, beside_40_gib, 4096)->likely);
}

TEST(MemoryBound, there_is_none_without_a_memory_figure_or_a_known_total) {
  EXPECT_FALSE(memory_bound(evidence_of({failed(1)}), eight_gib, alone, 64));
  EXPECT_FALSE(memory_bound(four_batches(), half, Environment{}, 64));
  EXPECT_FALSE(beyond_memory(evidence_of({failed(1)}), 64, eight_gib, alone));
  EXPECT_FALSE(beyond_memory(four_batches(), 4096, half, Environment{}));
}

TEST(MemoryBound, a_batch_is_beyond_only_where_its_lower_bound_is) {
  const Evidence evidence = four_batches();
  const Batch possible = memory_bound(evidence, eight_gib, alone, 4096)->possible;
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
