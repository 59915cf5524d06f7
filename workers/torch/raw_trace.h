#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "facts/trace.h"

namespace batchfit {

/// Names one of the allocator's pools, as c10::MempoolId_t does; {0, 0} is the default pool.
using PoolId = std::pair<unsigned long long, unsigned long long>;

/// One thing that the caching allocator did.
struct RawEvent {
  enum class Action : std::uint8_t { allocate, free, take_segment };
  Action action = Action::allocate;
  std::int64_t address = 0;
  Bytes bytes = 0;  ///< as requested; of a segment, as taken from the driver
  PoolId pool;
};

/// The trace of a pass from what the allocator did during it. `before` is the trace as far as it is known
/// when the pass begins: its batch and timing, the segments that may serve it (blocks in use named -1, -2, …)
/// and the allocator's figures. Requests are those to `pool`, with blocks named 1, 2, … in order. What is
/// taken from another pool (a capture's random generator keeps its seed in the default one) is no request to
/// this one: it counts as there before. A free of a block that neither the segments nor the pass knows is
/// left out.
AllocationTrace trace_from_events(AllocationTrace before, std::span<const RawEvent> events, PoolId pool);

}  // namespace batchfit
