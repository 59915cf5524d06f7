#include "forecast/affine_program.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "forecast/allocator_simulation.h"
#include "forecast/held_memory.h"

namespace batchfit {
namespace {

/// More than a device holds, and small enough that the requests of a million events add up without overflow.
constexpr Bytes largest_size = 4096 * gibibyte;

/// A workspace may rise this much more than the batch: libraries round parts of it up.
constexpr Bytes rounding_of_workspaces = 512;

/// A block that is larger by no more than this is not worth splitting.
constexpr Bytes largest_padding = mebibyte;

/// A trace with its workspaces taken out and put aside by their place.
struct Skeleton {
  std::vector<AllocationEvent> tensors;  ///< allocations and frees
  std::vector<std::int64_t> lifetimes;   ///< for each: n-th allocation; -n its free; 0: free from before
  std::map<std::size_t, std::vector<Bytes>> workspaces;  ///< by the number of tensor events before them
};

bool is_workspace(const std::vector<AllocationEvent>& events, std::size_t i) {
  return !events[i].is_free && i + 1 < events.size() && events[i + 1].is_free &&
         events[i + 1].block == events[i].block;
}

Skeleton skeleton_of(const AllocationTrace& trace) {
  Skeleton skeleton;
  std::unordered_map<std::int64_t, std::int64_t> order;
  for (std::size_t i = 0; i < trace.events.size(); ++i) {
    const AllocationEvent& event = trace.events[i];
    if (is_workspace(trace.events, i)) {
      skeleton.workspaces[skeleton.tensors.size()].push_back(event.bytes);
      ++i;
      continue;
    }
    if (!event.is_free) order[event.block] = static_cast<std::int64_t>(order.size()) + 1;
    const auto known = order.find(event.block);
    const std::int64_t number = known == order.end() ? 0 : known->second;
    skeleton.tensors.push_back(event);
    skeleton.lifetimes.push_back(event.is_free ? -number : number);
  }
  return skeleton;
}

Bytes scaled(Bytes bytes, Batch from, Batch to) { return on_line(0, 0, from, bytes, to); }

/// The n-th workspace at a place; 0 where there is none.
Bytes workspace(const Skeleton& skeleton, std::size_t place, std::size_t n) {
  const auto at = skeleton.workspaces.find(place);
  return at == skeleton.workspaces.end() || n >= at->second.size() ? 0 : at->second[n];
}

std::size_t workspaces_at(const Skeleton& skeleton, std::size_t place) {
  const auto at = skeleton.workspaces.find(place);
  return at == skeleton.workspaces.end() ? 0 : at->second.size();
}

/// Sizes of allocated blocks, how often each.
std::map<Bytes, int> block_sizes(const std::vector<SegmentState>& segments) {
  std::map<Bytes, int> sizes;
  for (const SegmentState& segment : segments) {
    for (const SegmentState::Block& block : segment.blocks) {
      if (block.block != 0) ++sizes[block.bytes];
    }
  }
  return sizes;
}

/// Ascending sizes that `these` has more often than `those`.
std::vector<Bytes> beyond(const std::map<Bytes, int>& these, const std::map<Bytes, int>& those) {
  std::vector<Bytes> rest;
  for (const auto& [bytes, count] : these) {
    const auto other = those.find(bytes);
    for (int i = other == those.end() ? 0 : other->second; i < count; ++i) rest.push_back(bytes);
  }
  return rest;
}

/// Frees an allocated block of the given size and returns its name; an emptied segment goes, as an emptied
/// cache would not have kept it.
std::int64_t take_block(std::vector<SegmentState>& segments, Bytes bytes) {
  for (auto segment = segments.begin(); segment != segments.end(); ++segment) {
    const auto found = std::ranges::find_if(segment->blocks, [&](const SegmentState::Block& block) {
      return block.block != 0 && block.bytes == bytes;
    });
    if (found == segment->blocks.end()) continue;
    const std::int64_t name = found->block;
    found->block = 0;
    std::vector<SegmentState::Block> merged;
    for (const SegmentState::Block& block : segment->blocks) {
      const bool joins = block.block == 0 && !merged.empty() && merged.back().block == 0;
      if (joins) merged.back().bytes += block.bytes;
      if (!joins) merged.push_back(block);
    }
    segment->blocks = std::move(merged);
    if (segment->blocks.size() == 1) segments.erase(segment);
    return name;
  }
  return 0;
}

/// Batch and bytes of the one block from before the pass that differs from trace to trace, where it has the
/// fewest bytes an item; absent where it is not one, or no multiple of the batch.
std::optional<std::pair<Batch, Bytes>> input_of(std::span<const AllocationTrace* const> traces) {
  const auto now = block_sizes(traces.back()->segments_before);
  std::vector<std::pair<Batch, Bytes>> charged;
  for (const AllocationTrace* trace : traces.first(traces.size() - 1)) {
    const auto before = block_sizes(trace->segments_before);
    const std::vector<Bytes> there = beyond(before, now);
    const std::vector<Bytes> here = beyond(now, before);
    if (there.size() != 1 || here.size() != 1) return std::nullopt;
    if (charged.empty()) charged.emplace_back(traces.back()->batch, here.front());
    charged.emplace_back(trace->batch, there.front());
  }
  const auto an_item = [](const std::pair<Batch, Bytes>& at) {
    return static_cast<double>(at.second) / static_cast<double>(at.first);
  };
  const auto least = *std::ranges::min_element(charged, {}, an_item);
  for (const auto& [batch, bytes] : charged) {
    if (bytes - scaled(least.second, least.first, batch) > largest_padding) return std::nullopt;
  }
  return least;
}

}  // namespace

Bytes on_line(Batch first, Bytes at_first, Batch second, Bytes at_second, Batch batch) {
  const Bytes rise = at_second - at_first;
  const Batch run = second - first;
  const Batch distance = batch - second;
  const double estimate = static_cast<double>(at_second) + static_cast<double>(rise) *
                                                               static_cast<double>(distance) /
                                                               static_cast<double>(run);
  if (estimate >= static_cast<double>(largest_size)) return largest_size;
  if (estimate <= -1) return 0;
  // Whole bytes an item first, so that no product passes 2^63.
  const Bytes rest = rise % run * distance;
  const Bytes rest_bytes = rest / run + (rest % run != 0 && (rest < 0) == (run < 0) ? 1 : 0);
  return std::max<Bytes>(0, at_second + rise / run * distance + rest_bytes);
}

std::optional<AffineProgram> AffineProgram::align(std::span<const AllocationTrace* const> traces) {
  const AllocationTrace& smaller = *traces[traces.size() - 2];
  const AllocationTrace& larger = *traces.back();
  std::vector<Skeleton> skeletons;
  std::vector<Batch> batches;
  for (const AllocationTrace* trace : traces) {
    Skeleton skeleton = skeleton_of(*trace);
    batches.push_back(trace->batch);
    skeletons.push_back(std::move(skeleton));
  }
  const Skeleton& first = skeletons[skeletons.size() - 2];
  const Skeleton& second = skeletons.back();
  if (first.lifetimes != second.lifetimes || smaller.batch >= larger.batch) return std::nullopt;

  AffineProgram program;
  program.larger_ = larger.batch;
  program.timing_ = larger.timing;
  program.segments_ = larger.segments_before;
  program.held_reserved_ = held_reserved(larger);
  program.held_allocated_ = held_allocated(larger);
  program.add_batch_dependent_blocks(traces);
  for (const AllocationEvent& event : larger.events) {
    program.next_workspace_ = std::max(program.next_workspace_, event.block + 1);
  }

  const auto add_workspaces = [&](std::size_t place) {
    const std::size_t count = std::max(workspaces_at(first, place), workspaces_at(second, place));
    for (std::size_t n = 0; n < count; ++n) {
      std::vector<Point> sizes;
      for (std::size_t i = 0; i < skeletons.size(); ++i) {
        if (skeletons[i].lifetimes == second.lifetimes)
          sizes.push_back({batches[i], workspace(skeletons[i], place, n)});
      }
      program.add_workspace(sizes);
    }
  };
  for (std::size_t place = 0; place < second.tensors.size(); ++place) {
    add_workspaces(place);
    const AllocationEvent& event = second.tensors[place];
    const Bytes before = first.tensors[place].bytes;
    const Line line{{smaller.batch, before}, {larger.batch, event.bytes}};
    program.steps_.push_back({event.block, event.is_free, false, true, line, line, line});
    if ((event.bytes - before) % (larger.batch - smaller.batch) != 0) ++program.inexact_;
  }
  add_workspaces(second.tensors.size());
  return program;
}

AffineProgram AffineProgram::proportional(const AllocationTrace& trace) {
  // The trace of no items at all is the other point of each line. It has no workspaces, so that they are
  // guessed.
  AllocationTrace nothing = trace;
  nothing.batch = 0;
  for (std::size_t i = 0; i < nothing.events.size(); ++i) {
    Bytes& bytes = nothing.events[i].bytes;
    if (bytes % trace.batch == 0 || is_workspace(trace.events, i)) bytes = 0;
  }
  const AllocationTrace* both[] = {&nothing, &trace};
  return *align(both);
}

/// What was allocated before the pass and grows with the batch: mostly the input. A block may be charged up
/// to 1 MiB more than was requested, so where there is one such block and it can be a multiple of the batch
/// at every trace, it is the smallest multiple seen.
void AffineProgram::add_batch_dependent_blocks(std::span<const AllocationTrace* const> traces) {
  const auto now = block_sizes(segments_);
  const auto before = block_sizes(traces[traces.size() - 2]->segments_before);
  const std::vector<Bytes> left = beyond(before, now);
  const std::vector<Bytes> right = beyond(now, before);
  if (left.size() != right.size()) return;
  const auto input = right.size() == 1 ? input_of(traces) : std::nullopt;
  for (std::size_t i = 0; i < right.size(); ++i) {
    const Batch smaller = traces[traces.size() - 2]->batch;
    const Line line =
        input ? Line{{0, 0}, {input->first, input->second}} : Line{{smaller, left[i]}, {larger_, right[i]}};
    steps_.push_back({take_block(segments_, right[i]), false, false, true, line, line, line});
  }
}

Bytes AffineProgram::Line::at(Batch batch) const {
  return on_line(first.batch, first.bytes, second.batch, second.bytes, batch);
}

/// The line of the largest batch's size and the latest smaller one's that one algorithm may have taken both.
std::optional<AffineProgram::Line> AffineProgram::line_of_one_algorithm(std::span<const Point> sizes) {
  const Point larger = sizes.back();
  for (std::size_t i = sizes.size() - 1; i-- > 0;) {
    const Point smaller = sizes[i];
    if (smaller.bytes == 0 || smaller.bytes > larger.bytes) continue;
    const Bytes most = scaled(smaller.bytes, smaller.batch, larger.batch) + rounding_of_workspaces;
    if (larger.bytes <= most) return Line{smaller, larger};
  }
  return std::nullopt;
}

void AffineProgram::guess_size(std::span<const Point> sizes, Step& step) {
  constexpr Line nothing{{0, 0}, {1, 0}};
  const Point last = sizes.back();
  if (last.bytes > 0) {
    const auto line = line_of_one_algorithm(sizes);
    step.low = line.value_or(Line{{0, last.bytes}, last});
    step.high = line.value_or(Line{{0, 0}, last});
    step.likely = line.value_or(Line{{0, last.bytes / 2}, last});
    return;
  }
  const std::span<const Point> before = sizes.first(sizes.size() - 1);
  step.low = step.likely = nothing;
  step.high = line_of_one_algorithm(before).value_or(Line{{0, 0}, before.back()});
}

void AffineProgram::add_workspace(std::span<const Point> sizes) {
  const bool always = std::ranges::all_of(sizes, [](const Point& size) { return size.bytes > 0; });
  Step step{next_workspace_++, false, true, always, {}, {}, {}};
  guess_size(sizes, step);
  if (step.low.at(2 * larger_) != step.high.at(2 * larger_)) ++unsettled_;
  steps_.push_back(step);
  step.is_free = true;
  steps_.push_back(step);
}

Bytes AffineProgram::bytes(const Step& step, Batch batch, WorkspaceGuess guess) const {
  switch (guess) {
    case WorkspaceGuess::likely:
      return step.likely.at(batch);
    case WorkspaceGuess::low:
      return std::min(step.low.at(batch), step.high.at(batch));
    case WorkspaceGuess::high:
      return std::max(step.low.at(batch), step.high.at(batch));
    case WorkspaceGuess::fewest:
      return step.is_always_there ? step.likely.at(batch) : 0;
    case WorkspaceGuess::none:
      return step.is_workspace ? 0 : step.likely.at(batch);
  }
  return 0;
}

AllocationTrace AffineProgram::at(Batch batch, WorkspaceGuess guess) const {
  AllocationTrace trace;
  trace.batch = batch;
  trace.timing = timing_;
  trace.segments_before = segments_;
  const SegmentTotals before = total_bytes(segments_);
  trace.reserved_before = before.reserved + held_reserved_;
  trace.allocated_before = before.allocated + held_allocated_;
  trace.events.reserve(steps_.size());
  bool skipped = false;
  for (const Step& step : steps_) {
    if (step.is_free) {
      if (!skipped) trace.events.push_back({0, step.block, true});
      skipped = false;
      continue;
    }
    const Bytes size = bytes(step, batch, guess);
    skipped = size == 0 && step.is_workspace;  // a workspace that is not there; its free comes next
    if (!skipped) trace.events.push_back({size, step.block, false});
  }
  return trace;
}

std::vector<Bytes> tensors_of(const AllocationTrace& trace) {
  std::vector<Bytes> tensors;
  for (std::size_t i = 0; i < trace.events.size(); ++i) {
    if (is_workspace(trace.events, i)) {
      ++i;
    } else if (!trace.events[i].is_free) {
      tensors.push_back(trace.events[i].bytes);
    }
  }
  return tensors;
}

}  // namespace batchfit
