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

/// A workspace may stray this far from a line that it follows: libraries round parts of it up.
constexpr Bytes rounding_of_workspaces = 512;
constexpr double stray_of_workspaces = 0.01;

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

/// A size at a batch.
struct Point {
  Batch batch = 1;
  Bytes bytes = 0;
};

/// Whether a workspace grew by no less than nothing and no more than the batch, as one algorithm's would.
bool grows_with_the_batch(const Point& smaller, const Point& larger) {
  return smaller.bytes > 0 && smaller.bytes <= larger.bytes &&
         larger.bytes <= scaled(smaller.bytes, smaller.batch, larger.batch) + rounding_of_workspaces;
}

/// Whether the larger one lies where the two before it point.
bool follows_its_line(const Point& check, const Point& smaller, const Point& larger) {
  const Bytes expected = on_line(check.batch, check.bytes, smaller.batch, smaller.bytes, larger.batch);
  const auto stray = static_cast<double>(std::abs(expected - larger.bytes));
  const double allowed = stray_of_workspaces * static_cast<double>(larger.bytes);
  return check.bytes > 0 && stray <= std::max(static_cast<double>(rounding_of_workspaces), allowed);
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

std::optional<AffineProgram> AffineProgram::align(const AllocationTrace& smaller,
                                                  const AllocationTrace& larger,
                                                  const AllocationTrace* check) {
  const Skeleton first = skeleton_of(smaller);
  const Skeleton second = skeleton_of(larger);
  if (first.lifetimes != second.lifetimes || smaller.batch >= larger.batch) return std::nullopt;
  const std::optional<Skeleton> third = check == nullptr ? std::nullopt : std::optional(skeleton_of(*check));
  const bool checked = third && third->lifetimes == second.lifetimes;

  AffineProgram program;
  program.smaller_ = smaller.batch;
  program.larger_ = larger.batch;
  program.timing_ = larger.timing;
  program.segments_ = larger.segments_before;
  program.held_reserved_ = held_reserved(larger);
  program.held_allocated_ = held_allocated(larger);
  program.add_batch_dependent_blocks(smaller);
  for (const AllocationEvent& event : larger.events) {
    program.next_workspace_ = std::max(program.next_workspace_, event.block + 1);
  }

  const auto add_workspaces = [&](std::size_t place) {
    const std::size_t count = std::max(workspaces_at(first, place), workspaces_at(second, place));
    for (std::size_t n = 0; n < count; ++n) {
      const Point left{smaller.batch, workspace(first, place, n)};
      const Point right{larger.batch, workspace(second, place, n)};
      const bool settled =
          grows_with_the_batch(left, right) &&
          (!checked || follows_its_line({check->batch, workspace(*third, place, n)}, left, right));
      program.add_workspace({left.bytes, right.bytes, settled});
    }
  };
  for (std::size_t place = 0; place < second.tensors.size(); ++place) {
    add_workspaces(place);
    const AllocationEvent& event = second.tensors[place];
    const Bytes before = first.tensors[place].bytes;
    program.steps_.push_back({event.block, event.is_free, {before, event.bytes, true}});
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
  return *align(nothing, trace);
}

void AffineProgram::add_batch_dependent_blocks(const AllocationTrace& smaller) {
  const auto before = block_sizes(smaller.segments_before);
  const auto now = block_sizes(segments_);
  const std::vector<Bytes> left = beyond(before, now);
  const std::vector<Bytes> right = beyond(now, before);
  if (left.size() != right.size()) return;
  for (std::size_t i = 0; i < right.size(); ++i) {
    steps_.push_back({take_block(segments_, right[i]), false, {left[i], right[i], true}});
  }
}

void AffineProgram::add_workspace(const Request& request) {
  const std::int64_t name = next_workspace_++;
  steps_.push_back({name, false, request});
  steps_.push_back({name, true, {}});
  if (!request.settled) ++unsettled_;
}

Bytes AffineProgram::bytes(const Request& request, Batch batch, WorkspaceGuess guess) const {
  const Bytes line = on_line(smaller_, request.smaller, larger_, request.larger, batch);
  if (request.settled) return line;
  const Bytes proportional = scaled(request.larger, larger_, batch);
  switch (guess) {
    case WorkspaceGuess::proportional:
      return proportional;
    case WorkspaceGuess::on_the_line:
      return line;
    case WorkspaceGuess::constant:
      return request.larger;
    case WorkspaceGuess::steepest:
      return std::max(proportional, scaled(request.smaller, smaller_, batch));
    case WorkspaceGuess::absent:
      return 0;
  }
  return proportional;
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
    const Bytes size = bytes(step.request, batch, guess);
    skipped = size == 0 && !step.request.settled;  // a workspace that is not there; its free comes next
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
