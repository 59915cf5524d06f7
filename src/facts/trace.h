#pragma once

#include <vector>

#include "base/units.h"
#include "facts/workload.h"

namespace batchfit {

/// One request to the caching allocator, or the end of one.
struct AllocationEvent {
  Bytes bytes = 0;  ///< requested size; 0 where the event is a free
  std::int64_t block =
      0;  ///< number of the allocation within the trace; negative: a block from before the trace
  bool is_free = false;

  bool operator==(const AllocationEvent&) const = default;
};

/// A segment the allocator held when the trace began.
struct SegmentState {
  struct Block {
    Bytes bytes = 0;
    std::int64_t block = 0;  ///< the number that a later free names it by; 0: free block
    bool operator==(const Block&) const = default;
  };
  std::int64_t address = 0;
  bool small_pool = false;
  std::vector<Block> blocks;  ///< in order of address; they fill the segment

  bool operator==(const SegmentState&) const = default;
};

/// Every allocation and free of one pass, in order, in the mode that is timed.
struct AllocationTrace {
  Batch batch = 1;
  Timing timing = Timing::eager;
  std::vector<SegmentState> segments_before;  ///< empty for a capture: its pool starts empty
  std::vector<AllocationEvent> events;
  Bytes reserved_before = 0;
  Bytes allocated_before = 0;
  Bytes reserved_peak = 0;  ///< of the pass, as measured
  Bytes allocated_peak = 0;
  double started_at = 0;

  bool operator==(const AllocationTrace&) const = default;
};

}  // namespace batchfit
