#include "forecast/held_memory.h"

#include <algorithm>

#include "forecast/allocator_simulation.h"

namespace batchfit {
namespace {

constexpr Bytes granule = 2 * mebibyte;          // of segments for large requests
constexpr Bytes shared_segment = 20 * mebibyte;  // of segments for requests below own_segment_from
constexpr Bytes own_segment_from = 10 * mebibyte;

Bytes segment_of(double bytes) {
  return static_cast<Bytes>(bytes + static_cast<double>(granule) - 1) / granule * granule;
}

}  // namespace

Bytes held_reserved(const AllocationTrace& trace) {
  return trace.reserved_before - total_bytes(trace.segments_before).reserved;
}

Bytes held_allocated(const AllocationTrace& trace) {
  return trace.allocated_before - total_bytes(trace.segments_before).allocated;
}

HeldMemory held_before(std::span<const AllocationTrace* const> traces, const AllocationTrace& nearest,
                       Batch batch) {
  const Bytes there = held_reserved(nearest);
  const AllocationTrace& first = *traces.front();
  const AllocationTrace& last = *traces.back();
  if (first.batch == last.batch) return {there, there, there};
  // The widest pair of batches, for what is allocated is off by up to 1 MiB: a block that is not worth
  // splitting.
  const double an_item = static_cast<double>(held_allocated(last) - held_allocated(first)) /
                         static_cast<double>(last.batch - first.batch);
  const double input = std::max(0.0, an_item) * static_cast<double>(batch);
  const double input_there = std::max(0.0, an_item) * static_cast<double>(nearest.batch);
  if (input < static_cast<double>(mebibyte)) return {there, there, there};

  Bytes least = there;
  for (const AllocationTrace* trace : traces) least = std::min(least, held_reserved(*trace));
  if (input < static_cast<double>(own_segment_from))
    return {there, least, std::max(there, least + shared_segment)};
  const Bytes beside_least = least + segment_of(input);
  const Bytes beside_there = there - segment_of(input_there) + segment_of(input);
  const auto [low, high] = std::minmax(beside_least, beside_there);
  return {input_there < static_cast<double>(own_segment_from) ? beside_least : beside_there, low - granule,
          high + granule};
}

}  // namespace batchfit
