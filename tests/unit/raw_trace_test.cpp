// From what the caching allocator says it did to a trace: no device is needed.
#include "raw_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace batchfit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Action = RawEvent::Action;
constexpr PoolId default_pool{0, 0};
constexpr PoolId private_pool{7, 0};

AllocationEvent allocation(std::int64_t block, Bytes bytes) { return {bytes, block, false}; }
AllocationEvent release(std::int64_t block) { return {0, block, true}; }

TEST(RawTrace, blocks_are_numbered_in_the_order_of_their_allocation) {
  const std::vector<RawEvent> events{{Action::allocate, 4096, 100, default_pool},
                                     {Action::allocate, 8192, 200, default_pool},
                                     {Action::free, 4096, 100, default_pool}};
  AllocationTrace before;
  before.batch = 8;
  const AllocationTrace trace = trace_from_events(before, events, default_pool);
  EXPECT_EQ(trace.batch, 8);
  EXPECT_THAT(trace.events, ElementsAre(allocation(1, 100), allocation(2, 200), release(1)));
}

TEST(RawTrace, an_address_that_is_used_again_is_another_block) {
  const std::vector<RawEvent> events{{Action::allocate, 4096, 100, default_pool},
                                     {Action::free, 4096, 100, default_pool},
                                     {Action::allocate, 4096, 300, default_pool},
                                     {Action::free, 4096, 300, default_pool}};
  EXPECT_THAT(trace_from_events({}, events, default_pool).events,
              ElementsAre(allocation(1, 100), release(1), allocation(2, 300), release(2)));
}

TEST(RawTrace, a_block_from_before_keeps_its_name_when_it_is_freed) {
  AllocationTrace before;
  before.segments_before = {{1 << 20, true, {{512, -1}, {1024, 0}, {512, -2}}}};
  const std::vector<RawEvent> events{{Action::free, (1 << 20) + 1536, 500, default_pool},
                                     {Action::allocate, (1 << 20) + 512, 700, default_pool}};
  const AllocationTrace trace = trace_from_events(before, events, default_pool);
  EXPECT_THAT(trace.events, ElementsAre(release(-2), allocation(1, 700)));
  EXPECT_EQ(trace.segments_before, before.segments_before);
}

TEST(RawTrace, a_free_of_an_unknown_block_is_left_out) {
  const std::vector<RawEvent> events{{Action::free, 4096, 100, default_pool}};
  EXPECT_THAT(trace_from_events({}, events, default_pool).events, IsEmpty());
}

TEST(RawTrace, what_a_capture_takes_of_another_pool_counts_as_there_before) {
  AllocationTrace before;
  before.timing = Timing::graph;
  before.reserved_before = 20 * mebibyte;
  before.allocated_before = mebibyte;
  const std::vector<RawEvent> events{{Action::take_segment, 4096, 2 * mebibyte, default_pool},
                                     {Action::allocate, 4096, 8, default_pool},
                                     {Action::take_segment, 1 << 24, 20 * mebibyte, private_pool},
                                     {Action::allocate, 1 << 24, 2 * mebibyte, private_pool}};
  const AllocationTrace trace = trace_from_events(before, events, private_pool);
  EXPECT_THAT(trace.events, ElementsAre(allocation(1, 2 * mebibyte)));
  EXPECT_EQ(trace.reserved_before, 22 * mebibyte);
  EXPECT_EQ(trace.allocated_before, mebibyte + 512);
}

}  // namespace
}  // namespace batchfit
