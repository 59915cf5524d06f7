#pragma once

#include <span>

#include "facts/trace.h"

namespace batchfit {

/// Reserved memory before a pass that lies outside the segments it may use: for a capture, the default pool.
struct HeldMemory {
  Bytes likely = 0;
  Bytes low = 0;
  Bytes high = 0;
};

/// What is held before a pass at `batch`. Of it, only the input grows with the batch. Below 10 MiB the input
/// finds room in segments that are there, or takes one of 20 MiB; from there on it mostly has a segment of
/// its own. `traces`: at least one, ascending batches; `nearest`: the one of them whose batch is nearest.
HeldMemory held_before(std::span<const AllocationTrace* const> traces, const AllocationTrace& nearest,
                       Batch batch);

/// The same, of a trace that is there.
Bytes held_reserved(const AllocationTrace& trace);
Bytes held_allocated(const AllocationTrace& trace);

}  // namespace batchfit
