#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/units.h"
#include "facts/workload.h"

namespace batchfit::sim {

/// PyTorch's caching allocator as docs/simulated-device.md says, written to be obviously right: segments are
/// lists of blocks, every question is a scan over all of them. It shares nothing with src/forecast, which is
/// held against it.
class CachingAllocator {
 public:
  CachingAllocator(Timing mode, std::optional<Bytes> cap) : mode_(mode), cap_(cap) {}

  /// The block's address; absent where memory ran out.
  std::optional<std::int64_t> allocate(std::int64_t name, Bytes bytes) {
    const Bytes request = std::max<Bytes>(512, (bytes + 511) / 512 * 512);
    const bool small = request <= mebibyte;
    Place place = best_fit(request, small);
    if (!place) place = grow(request, small);
    if (!place) return std::nullopt;
    auto& blocks = segments_[*place.segment].blocks;
    const Block found = blocks[place.block];
    const Bytes rest = found.bytes - request;
    blocks[place.block].name = name;
    if (small ? rest >= 512 : rest > mebibyte) {
      blocks[place.block].bytes = request;
      blocks.insert(blocks.begin() + place.block + 1, Block{found.address + request, rest, 0});
    }
    allocated_peak = std::max(allocated_peak, sum([](const Block& block) { return block.name != 0; }));
    return found.address;
  }

  void release(std::int64_t name) {
    for (Segment& segment : segments_) {
      for (Block& block : segment.blocks) {
        if (block.name == name) block.name = 0;
      }
      std::vector<Block> merged;
      for (const Block& block : segment.blocks) {
        if (block.name == 0 && !merged.empty() && merged.back().name == 0) {
          merged.back().bytes += block.bytes;
        } else {
          merged.push_back(block);
        }
      }
      segment.blocks = merged;
    }
  }

  Bytes reserved() const {
    return sum([](const Block&) { return true; });
  }

  Bytes reserved_peak = 0;
  Bytes allocated_peak = 0;
  std::int64_t retries = 0;

 private:
  struct Block {
    std::int64_t address = 0;
    Bytes bytes = 0;
    std::int64_t name = 0;  // 0: free
  };
  struct Segment {
    bool small = false;
    std::vector<Block> blocks;
  };
  struct Place {
    std::optional<std::size_t> segment;
    std::ptrdiff_t block = 0;
    explicit operator bool() const { return segment.has_value(); }
  };

  template <class Which>
  Bytes sum(Which which) const {
    Bytes total = 0;
    for (const Segment& segment : segments_) {
      for (const Block& block : segment.blocks) total += which(block) ? block.bytes : 0;
    }
    return total;
  }

  Place best_fit(Bytes request, bool small) const {
    Place best;
    const Block* best_block = nullptr;
    for (std::size_t s = 0; s < segments_.size(); ++s) {
      for (std::size_t b = 0; b < segments_[s].blocks.size(); ++b) {
        const Block& block = segments_[s].blocks[b];
        if (segments_[s].small != small || block.name != 0 || block.bytes < request) continue;
        const bool better = best_block == nullptr || block.bytes < best_block->bytes ||
                            (block.bytes == best_block->bytes && block.address < best_block->address);
        if (!better) continue;
        best = {s, static_cast<std::ptrdiff_t>(b)};
        best_block = &block;
      }
    }
    return best;
  }

  Place grow(Bytes request, bool small) {
    Bytes bytes = 2 * mebibyte;
    if (!small) bytes = 20 * mebibyte;
    if (request >= 10 * mebibyte) bytes = (request + 2 * mebibyte - 1) / (2 * mebibyte) * (2 * mebibyte);
    if (cap_ && reserved() + bytes > *cap_) {
      if (mode_ == Timing::graph) return {};
      std::erase_if(segments_,
                    [](const Segment& s) { return s.blocks.size() == 1 && s.blocks[0].name == 0; });
      ++retries;
      if (reserved() + bytes > *cap_) return {};
    }
    lowest_ -= bytes;
    segments_.push_back({small, {Block{lowest_, bytes, 0}}});
    reserved_peak = std::max(reserved_peak, reserved());
    return {segments_.size() - 1, 0};
  }

  Timing mode_;
  std::optional<Bytes> cap_;
  std::vector<Segment> segments_;
  std::int64_t lowest_ = std::int64_t{1} << 47;
};

}  // namespace batchfit::sim
