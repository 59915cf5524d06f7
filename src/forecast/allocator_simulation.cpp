#include "forecast/allocator_simulation.h"

#include <algorithm>

namespace batchfit {
namespace {

// The allocator's own constants.
constexpr Bytes smallest_block = 512;
constexpr Bytes largest_small_request = mebibyte;
constexpr Bytes small_segment = 2 * mebibyte;
constexpr Bytes medium_segment = 20 * mebibyte;
constexpr Bytes smallest_large_request = 10 * mebibyte;
constexpr Bytes large_granule = 2 * mebibyte;

Bytes round_up(Bytes bytes, Bytes granule) { return (bytes + granule - 1) / granule * granule; }

Bytes segment_bytes(Bytes request) {
  if (request <= largest_small_request) return small_segment;
  if (request < smallest_large_request) return medium_segment;
  return round_up(request, large_granule);
}

bool worth_splitting(Bytes rest, bool small) {
  return small ? rest >= smallest_block : rest > largest_small_request;
}

}  // namespace

Bytes rounded_request(Bytes bytes) { return std::max(smallest_block, round_up(bytes, smallest_block)); }

SegmentTotals total_bytes(const std::vector<SegmentState>& segments) {
  SegmentTotals totals;
  for (const SegmentState& segment : segments) {
    for (const SegmentState::Block& block : segment.blocks) {
      totals.reserved += block.bytes;
      if (block.block != 0) totals.allocated += block.bytes;
    }
  }
  return totals;
}

void AllocatorSimulation::hold(Bytes reserved, Bytes allocated) {
  reserved_ += reserved;
  allocated_ += allocated;
  reserved_peak_ = std::max(reserved_peak_, reserved_);
  allocated_peak_ = std::max(allocated_peak_, allocated_);
}

void AllocatorSimulation::add_segment(const SegmentState& segment) {
  std::int64_t address = segment.address;
  Bytes allocated = 0;
  Index previous = none;
  for (const SegmentState::Block& state : segment.blocks) {
    const Index index = add_block({address, state.bytes, previous, none, segment.small_pool, false});
    if (previous != none) blocks_[previous].next = index;
    if (state.block == 0) {
      put(index);
    } else {
      held_[state.block] = index;
      allocated += state.bytes;
    }
    previous = index;
    address += state.bytes;
  }
  lowest_address_ = std::min(lowest_address_, segment.address);
  hold(address - segment.address, allocated);
}

std::optional<std::int64_t> AllocatorSimulation::allocate(std::int64_t name, Bytes bytes,
                                                          std::optional<std::int64_t> address) {
  const Bytes request = rounded_request(bytes);
  const bool small = request <= largest_small_request;
  Index index = best_fit(request, small);
  if (index == none) index = new_segment(request, small, address);
  if (index == none) return std::nullopt;
  split(index, request);
  held_[name] = index;
  hold(0, blocks_[index].bytes);
  return blocks_[index].address;
}

void AllocatorSimulation::release(std::int64_t name) {
  const auto at = held_.find(name);
  if (at == held_.end()) return;
  Index index = at->second;
  held_.erase(at);
  allocated_ -= blocks_[index].bytes;
  const Index previous = blocks_[index].previous;
  const Index next = blocks_[index].next;
  if (previous != none && blocks_[previous].free) {
    take(previous);
    index = merge(previous, index);
  }
  if (next != none && blocks_[next].free) {
    take(next);
    index = merge(index, next);
  }
  put(index);
}

AllocatorSimulation::Index AllocatorSimulation::add_block(const Block& block) {
  blocks_.push_back(block);
  return static_cast<Index>(blocks_.size() - 1);
}

void AllocatorSimulation::put(Index index) {
  Block& block = blocks_[index];
  block.free = true;
  FreeList& list = pool(block.small);
  const FreeBlock entry{block.bytes, block.address, index};
  list.insert(std::lower_bound(list.begin(), list.end(), entry), entry);
}

void AllocatorSimulation::take(Index index) {
  Block& block = blocks_[index];
  block.free = false;
  FreeList& list = pool(block.small);
  list.erase(std::lower_bound(list.begin(), list.end(), FreeBlock{block.bytes, block.address, index}));
}

AllocatorSimulation::Index AllocatorSimulation::best_fit(Bytes bytes, bool small) {
  const FreeList& list = pool(small);
  const auto at = std::lower_bound(list.begin(), list.end(), bytes,
                                   [](const FreeBlock& block, Bytes wanted) { return block.bytes < wanted; });
  if (at == list.end()) return none;
  const Index index = at->block;
  take(index);
  return index;
}

AllocatorSimulation::Index AllocatorSimulation::new_segment(Bytes bytes, bool small,
                                                            std::optional<std::int64_t> address) {
  const Bytes segment = segment_bytes(bytes);
  if (!fits_cap(segment)) {
    if (mode_ == Timing::graph) return none;
    release_free_segments(false);
    release_free_segments(true);
    ++retries_;
    if (!fits_cap(segment)) return none;
  }
  const std::int64_t start = address.value_or(lowest_address_ - segment);
  lowest_address_ = std::min(lowest_address_, start);
  hold(segment, 0);
  return add_block({start, segment, none, none, small, false});
}

void AllocatorSimulation::release_free_segments(bool small) {
  std::erase_if(pool(small), [this](const FreeBlock& entry) {
    const Block& block = blocks_[entry.block];
    const bool whole_segment = block.previous == none && block.next == none;
    if (whole_segment) reserved_ -= block.bytes;
    return whole_segment;
  });
}

void AllocatorSimulation::split(Index index, Bytes bytes) {
  const Block whole = blocks_[index];
  if (!worth_splitting(whole.bytes - bytes, whole.small)) return;
  const Index rest =
      add_block({whole.address + bytes, whole.bytes - bytes, index, whole.next, whole.small, false});
  if (whole.next != none) blocks_[whole.next].previous = rest;
  blocks_[index].bytes = bytes;
  blocks_[index].next = rest;
  put(rest);
}

AllocatorSimulation::Index AllocatorSimulation::merge(Index left, Index right) {
  blocks_[left].bytes += blocks_[right].bytes;
  blocks_[left].next = blocks_[right].next;
  if (blocks_[left].next != none) blocks_[blocks_[left].next].previous = left;
  return left;
}

AllocatorOutcome simulate(const AllocationTrace& trace, std::optional<Bytes> cap,
                          std::span<const std::int64_t> segment_addresses) {
  AllocatorSimulation allocator(trace.timing, cap);
  for (const SegmentState& segment : trace.segments_before) allocator.add_segment(segment);
  allocator.hold(std::max<Bytes>(0, trace.reserved_before - allocator.reserved()),
                 std::max<Bytes>(0, trace.allocated_before - allocator.allocated()));
  AllocatorOutcome outcome;
  for (std::size_t i = 0; i < trace.events.size() && !outcome.out_of_memory_at; ++i) {
    const AllocationEvent& event = trace.events[i];
    if (event.is_free) {
      allocator.release(event.block);
      continue;
    }
    const Bytes before = allocator.reserved();
    const auto address = segment_addresses.empty() ? std::nullopt : std::optional(segment_addresses.front());
    if (!allocator.allocate(event.block, event.bytes, address)) outcome.out_of_memory_at = i;
    if (allocator.reserved() > before && address) segment_addresses = segment_addresses.subspan(1);
  }
  outcome.reserved_peak = allocator.reserved_peak();
  outcome.allocated_peak = allocator.allocated_peak();
  outcome.retries = allocator.retries();
  return outcome;
}

}  // namespace batchfit
