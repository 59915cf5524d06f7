#include "sim/truth.h"

#include <algorithm>
#include <cmath>

#include "sim/allocator.h"

namespace batchfit::sim {
namespace {

/// A request rounded as docs/simulated-device.md says.
Bytes rounded_request(Bytes bytes) {
  const Bytes unit = bytes > 1048576 ? 2097152 : 512;
  return bytes % unit == 0 ? bytes : bytes - bytes % unit + unit;
}

/// Whether the allocation at step `i` still holds its block when step `at` has run.
bool is_live(const SimDevice& device, std::size_t i, std::size_t at) {
  for (std::size_t j = i + 1; j <= at; ++j) {
    if (device.program[j].is_free && device.program[j].block == device.program[i].block) return false;
  }
  return true;
}

/// Without a cap a pass takes the same in a capture and eagerly.
Bytes true_memory_of_a_cache(const SimDevice& device, Batch batch) {
  CachingAllocator allocator(Timing::graph, std::nullopt);
  for (std::size_t at = 0; at < device.program.size(); ++at) {
    const ProgramStep& step = device.program[at];
    // A block is named after the step that allocates it, the last one of its name before this step.
    for (std::size_t i = at; step.is_free && i-- > 0;) {
      if (device.program[i].is_free || device.program[i].block != step.block) continue;
      allocator.release(static_cast<std::int64_t>(i) + 1);
      break;
    }
    if (!step.is_free && step.is_there_at(batch))
      allocator.allocate(static_cast<std::int64_t>(at) + 1, step.bytes + step.bytes_per_item * batch);
  }
  return device.context + (device.weights + 2097151) / 2097152 * 2097152 + allocator.reserved_peak;
}

}  // namespace

Seconds true_latency(const SimDevice& device, Batch batch, Timing timing) {
  Seconds latency = 0;
  for (const LatencyPiece& piece : device.pieces) {
    if (batch >= piece.from) latency = piece.base + piece.per_item * static_cast<double>(batch);
  }
  if (device.steps) {
    latency += device.steps->extra *
               std::ceil(static_cast<double>(batch) / static_cast<double>(device.steps->every));
  }
  for (const LatencyDip& dip : device.dips) {
    if (batch % dip.every == 0) latency *= dip.factor;
  }
  if (timing == Timing::eager && latency < device.launch_overhead) latency = device.launch_overhead;
  return latency;
}

Bytes true_own_memory(const SimDevice& device, Batch batch) {
  if (device.allocator == AllocatorRules::caching) return true_memory_of_a_cache(device, batch);
  const Bytes weights = rounded_request(device.weights);
  Bytes most = weights;
  for (std::size_t at = 0; at < device.program.size(); ++at) {
    Bytes held = weights;
    for (std::size_t i = 0; i <= at; ++i) {
      const ProgramStep& step = device.program[i];
      if (!step.is_free && step.is_there_at(batch) && is_live(device, i, at))
        held += rounded_request(step.bytes + step.bytes_per_item * batch);
    }
    most = std::max(most, held);
  }
  return device.context + (most + 2097151) / 2097152 * 2097152;
}

std::optional<Batch> largest_passing(const SimDevice& device, const TrueLimits& limits) {
  const Seconds reference = true_latency(device, 1, limits.timing);
  std::optional<Batch> largest;
  for (Batch batch = 1; batch <= limits.max_batch; ++batch) {
    const Seconds latency = true_latency(device, batch, limits.timing);
    const bool passes = true_own_memory(device, batch) <= limits.own_memory &&
                        (!limits.latency_ratio || latency <= *limits.latency_ratio * reference) &&
                        (!limits.latency || latency <= *limits.latency);
    if (passes) largest = batch;
  }
  return largest;
}

}  // namespace batchfit::sim
