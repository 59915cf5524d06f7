#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "facts/trace.h"

namespace batchfit {

/// What a pass took, by the allocator's own counters.
struct AllocatorOutcome {
  Bytes reserved_peak = 0;  ///< up to the end, or to the request that failed
  Bytes allocated_peak = 0;
  std::int64_t retries =
      0;  ///< releases of cached segments, each followed by one more try (num_alloc_retries)
  std::optional<std::size_t>
      out_of_memory_at;  ///< index of the event whose request failed; the pass ends there

  bool operator==(const AllocatorOutcome&) const = default;
};

/// PyTorch's CUDA caching allocator (c10/cuda/CUDACachingAllocator.cpp, torch 1.13 to 2.11, default settings,
/// one stream), as far as its counters go:
/// - a request is rounded up to 512 B; up to 1 MiB it is served by the small pool, else by the large one;
/// - best fit: the smallest free block of the pool that holds it, ties to the lowest address;
/// - a block is split where the rest is at least 512 B (small) or more than 1 MiB (large), else charged
/// whole;
/// - a miss takes a segment from the driver: 2 MiB in the small pool, 20 MiB for requests below 10 MiB, else
/// the
///   request rounded up to 2 MiB;
/// - a freed block merges with its free neighbours; segments stay;
/// - a segment that would pass the cap: eager, every wholly free segment is released and the segment is tried
/// once
///   more; in a capture, and after the retry, the request fails.
class AllocatorSimulation {
 public:
  /// A graph's capture neither releases nor retries. `cap` is the most that may be reserved, absent for no
  /// cap.
  explicit AllocatorSimulation(Timing mode, std::optional<Bytes> cap = std::nullopt)
      : mode_(mode), cap_(cap) {}

  /// Memory that counts towards reserved and allocated but serves no request here: other pools, other
  /// streams.
  void hold(Bytes reserved, Bytes allocated);

  /// A segment that the allocator has already; its blocks get the names that a later release uses.
  void add_segment(const SegmentState& segment);

  /// Serves a request. A new segment lies at `address` where given, else just below every segment so far, as
  /// the driver mostly does. The address of the block; absent where memory ran out.
  std::optional<std::int64_t> allocate(std::int64_t name, Bytes bytes,
                                       std::optional<std::int64_t> address = {});

  /// Frees a block by name; a name that is not held is ignored.
  void release(std::int64_t name);

  Bytes reserved() const { return reserved_; }
  Bytes allocated() const { return allocated_; }
  Bytes reserved_peak() const { return reserved_peak_; }
  Bytes allocated_peak() const { return allocated_peak_; }
  std::int64_t retries() const { return retries_; }

 private:
  using Index = std::int32_t;
  static constexpr Index none = -1;

  struct Block {
    std::int64_t address = 0;
    Bytes bytes = 0;
    Index previous = none;  ///< neighbours within the segment, by address
    Index next = none;
    bool small = false;
    bool free = false;
  };
  struct FreeBlock {
    Bytes bytes = 0;
    std::int64_t address = 0;
    Index block = none;
    auto operator<=>(const FreeBlock&) const = default;
  };
  using FreeList =
      std::vector<FreeBlock>;  ///< sorted by size, then address; tens of entries, so a vector is fastest

  FreeList& pool(bool small) { return small ? free_small_ : free_large_; }
  Index add_block(const Block& block);
  void put(Index index);
  void take(Index index);
  Index best_fit(Bytes bytes, bool small);
  Index new_segment(Bytes bytes, bool small, std::optional<std::int64_t> address);
  bool fits_cap(Bytes segment) const { return !cap_ || reserved_ + segment <= *cap_; }
  void release_free_segments(bool small);
  void split(Index index, Bytes bytes);
  Index merge(Index left, Index right);

  Timing mode_;
  std::optional<Bytes> cap_;
  std::vector<Block> blocks_;
  FreeList free_small_;
  FreeList free_large_;
  std::unordered_map<std::int64_t, Index> held_;
  std::int64_t lowest_address_ = std::int64_t{1} << 47;  ///< end of the user address space of x86-64
  Bytes reserved_ = 0;
  Bytes allocated_ = 0;
  Bytes reserved_peak_ = 0;
  Bytes allocated_peak_ = 0;
  std::int64_t retries_ = 0;
};

/// Runs a trace's requests through the allocator, from the segments before it. What was reserved or allocated
/// before beyond those segments is held throughout; for a capture that is everything, its own pool being
/// empty. `segment_addresses`: where the driver put the new segments, in order, where that is known.
AllocatorOutcome simulate(const AllocationTrace& trace, std::optional<Bytes> cap = std::nullopt,
                          std::span<const std::int64_t> segment_addresses = {});

/// Reserved and allocated bytes of a set of segments.
struct SegmentTotals {
  Bytes reserved = 0;
  Bytes allocated = 0;
};
SegmentTotals total_bytes(const std::vector<SegmentState>& segments);

/// The size a request is charged: rounded up to 512 B.
Bytes rounded_request(Bytes bytes);

}  // namespace batchfit
