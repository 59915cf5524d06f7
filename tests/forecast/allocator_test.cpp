#include "sim/allocator.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "forecast/allocator_simulation.h"

namespace batchfit {
namespace {

AllocationTrace pass(Timing timing, std::vector<AllocationEvent> events) {
  AllocationTrace trace;
  trace.timing = timing;
  trace.events = std::move(events);
  return trace;
}

AllocationEvent take(std::int64_t name, Bytes bytes) { return {bytes, name, false}; }
AllocationEvent give(std::int64_t name) { return {0, name, true}; }

TEST(AllocatorSimulation, charges_the_block_and_reserves_the_segment) {
  const AllocatorOutcome outcome = simulate(pass(Timing::eager, {take(1, 1), take(2, 3 * mebibyte)}));
  EXPECT_EQ(outcome.allocated_peak, 512 + 3 * mebibyte);
  EXPECT_EQ(outcome.reserved_peak, 22 * mebibyte);
}

TEST(AllocatorSimulation, charges_a_large_block_whole_where_the_rest_is_one_mebibyte_or_less) {
  EXPECT_EQ(simulate(pass(Timing::eager, {take(1, 11 * mebibyte)})).allocated_peak, 12 * mebibyte);
  EXPECT_EQ(simulate(pass(Timing::eager, {take(1, 11 * mebibyte - 512)})).allocated_peak,
            11 * mebibyte - 512);
}

TEST(AllocatorSimulation, releases_free_segments_and_retries_once_when_the_cap_is_met) {
  const auto trace = pass(Timing::eager, {take(1, 40 * mebibyte), give(1), take(2, 60 * mebibyte)});
  const AllocatorOutcome outcome = simulate(trace, 80 * mebibyte);
  EXPECT_EQ(outcome.retries, 1);
  EXPECT_EQ(outcome.reserved_peak, 60 * mebibyte);
  EXPECT_FALSE(outcome.out_of_memory_at);
}

TEST(AllocatorSimulation, names_the_request_that_ran_out_of_memory) {
  const auto trace = pass(Timing::eager, {take(1, 40 * mebibyte), take(2, 60 * mebibyte), take(3, 1)});
  const AllocatorOutcome outcome = simulate(trace, 80 * mebibyte);
  EXPECT_EQ(outcome.out_of_memory_at, 1U);
  EXPECT_EQ(outcome.retries, 1);
}

TEST(AllocatorSimulation, does_not_release_in_a_capture) {
  const auto trace = pass(Timing::graph, {take(1, 40 * mebibyte), give(1), take(2, 60 * mebibyte)});
  const AllocatorOutcome outcome = simulate(trace, 80 * mebibyte);
  EXPECT_EQ(outcome.out_of_memory_at, 2U);
  EXPECT_EQ(outcome.retries, 0);
}

TEST(AllocatorSimulation, counts_what_was_held_before_a_capture_towards_peaks_and_cap) {
  AllocationTrace trace = pass(Timing::graph, {take(1, 40 * mebibyte)});
  trace.reserved_before = 100 * mebibyte;
  trace.allocated_before = 90 * mebibyte;
  EXPECT_EQ(simulate(trace).reserved_peak, 140 * mebibyte);
  EXPECT_EQ(simulate(trace).allocated_peak, 130 * mebibyte);
  EXPECT_TRUE(simulate(trace, 139 * mebibyte).out_of_memory_at);
}

TEST(AllocatorSimulation, uses_and_frees_the_blocks_of_segments_from_before) {
  AllocationTrace trace = pass(Timing::eager, {give(-1), take(1, 20 * mebibyte)});
  trace.segments_before = {{mebibyte * 4096, false, {{12 * mebibyte, -1}, {8 * mebibyte, 0}}}};
  trace.reserved_before = 20 * mebibyte;
  trace.allocated_before = 12 * mebibyte;
  EXPECT_EQ(simulate(trace).reserved_peak, 20 * mebibyte);
  EXPECT_EQ(simulate(trace).allocated_peak, 20 * mebibyte);
}

/// Sizes around every threshold of the rules.
rc::Gen<Bytes> request_size() {
  return rc::gen::oneOf(
      rc::gen::inRange<Bytes>(1, 4096), rc::gen::inRange<Bytes>(mebibyte - 1024, mebibyte + 1024),
      rc::gen::inRange<Bytes>(9 * mebibyte, 11 * mebibyte),
      rc::gen::map(rc::gen::inRange<Bytes>(1, 40), [](Bytes n) { return n * 512 * kibibyte; }));
}

RC_GTEST_PROP(AllocatorSimulation, equals_a_naive_allocator_on_random_programs, ()) {
  const Timing mode = *rc::gen::element(Timing::eager, Timing::graph);
  const auto cap =
      *rc::gen::element(std::optional<Bytes>(), std::optional(64 * mebibyte), std::optional(160 * mebibyte));
  // A step below 0 frees one of the blocks that are held; else it allocates.
  const auto length = *rc::gen::inRange<std::size_t>(0, 300);
  const auto steps = *rc::gen::resize(
      rc::kNominalSize, rc::gen::container<std::vector<std::pair<int, Bytes>>>(
                            length, rc::gen::pair(rc::gen::inRange(-400, 500), request_size())));
  sim::CachingAllocator reference(mode, cap);
  AllocatorSimulation simulated(mode, cap);
  std::vector<std::int64_t> held;
  std::int64_t name = 0;
  for (const auto& [action, bytes] : steps) {
    if (action < 0 && !held.empty()) {
      const auto at = held.begin() - action % static_cast<std::ptrdiff_t>(held.size());
      reference.release(*at);
      simulated.release(*at);
      held.erase(at);
      continue;
    }
    const auto expected = reference.allocate(++name, bytes);
    RC_ASSERT(simulated.allocate(name, bytes) == expected);
    if (expected) held.push_back(name);
    RC_ASSERT(simulated.reserved() == reference.reserved());
  }
  RC_TAG(simulated.retries() > 0 ? "retried" : "no retry");
  RC_ASSERT(simulated.reserved_peak() == reference.reserved_peak);
  RC_ASSERT(simulated.allocated_peak() == reference.allocated_peak);
  RC_ASSERT(simulated.retries() == reference.retries);
}

}  // namespace
}  // namespace batchfit
