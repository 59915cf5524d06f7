#include "raw_trace.h"

#include <unordered_map>

#include "forecast/allocator_simulation.h"

namespace batchfit {
namespace {

/// The block that lies at an address now.
using Blocks = std::unordered_map<std::int64_t, std::int64_t>;

Blocks blocks_in_use(const std::vector<SegmentState>& segments) {
  Blocks blocks;
  for (const SegmentState& segment : segments) {
    std::int64_t address = segment.address;
    for (const SegmentState::Block& block : segment.blocks) {
      if (block.block != 0) blocks[address] = block.block;
      address += block.bytes;
    }
  }
  return blocks;
}

void count_as_before(AllocationTrace& trace, const RawEvent& event) {
  if (event.action == RawEvent::Action::allocate) trace.allocated_before += rounded_request(event.bytes);
  if (event.action == RawEvent::Action::take_segment) trace.reserved_before += event.bytes;
}

}  // namespace

AllocationTrace trace_from_events(AllocationTrace before, std::span<const RawEvent> events, PoolId pool) {
  AllocationTrace trace = std::move(before);
  Blocks blocks = blocks_in_use(trace.segments_before);
  std::int64_t last_block = 0;
  for (const RawEvent& event : events) {
    if (event.pool != pool) {
      count_as_before(trace, event);
    } else if (event.action == RawEvent::Action::allocate) {
      blocks[event.address] = ++last_block;
      trace.events.push_back({event.bytes, last_block, false});
    } else if (event.action == RawEvent::Action::free) {
      const auto at = blocks.find(event.address);
      if (at == blocks.end()) continue;
      trace.events.push_back({0, at->second, true});
      blocks.erase(at);
    }
  }
  return trace;
}

}  // namespace batchfit
