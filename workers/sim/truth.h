#pragma once

#include <optional>

#include "facts/workload.h"
#include "sim/device.h"

namespace batchfit::sim {

// Ground truth of a device file, worked out without the simulator: what a search on it should find. Noise,
// drift, throttling, neighbours and faults are no part of it.

/// The median of a pass.
Seconds true_latency(const SimDevice& device, Batch batch, Timing timing);

/// Context and what the allocator reserves at its peak.
Bytes true_own_memory(const SimDevice& device, Batch batch);

struct TrueLimits {
  Bytes own_memory = 0;
  std::optional<double> latency_ratio;  ///< T(b) <= ratio * T(1)
  std::optional<Seconds> latency;
  Batch max_batch = 4096;
  Timing timing = Timing::graph;
};

/// The largest batch within the limits, by looking at every batch; absent where none is.
std::optional<Batch> largest_passing(const SimDevice& device, const TrueLimits& limits);

}  // namespace batchfit::sim
