#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "facts/trace.h"

namespace batchfit {

/// What the workspaces of another batch may take, where the traces leave that open.
enum class WorkspaceGuess {
  likely,
  low,
  high,
  fewest,  ///< none where any trace had none: libraries choose them by the batch's divisors too
  none,    ///< none anywhere
};

/// The allocation program of a workload as a function of the batch, from the traces of two batches.
///
/// A workspace is what is freed before anything else happens: scratch memory of one operator, which a library
/// chooses anew at each batch. All else is a tensor. Tensors align by order and lifetime, and their sizes lie
/// on the line through the two largest traces.
///
/// A workspace belongs to its place between the tensors. One algorithm's takes a part for the weights and a
/// part an item, so what a place took at the largest batch and at the latest smaller one lie on its line if
/// the line falls nowhere and rises no faster than the batch; then the place is settled. Else the library has
/// chosen another algorithm since, and anything between no growth and growth with the batch is possible. One
/// that was there in the trace before the largest and is there no more may come back.
class AffineProgram {
 public:
  /// From traces of ascending batches, at least two; the last two must align and give the tensors, all that
  /// align with them the workspaces. Absent where they do not (another regime of the library).
  static std::optional<AffineProgram> align(std::span<const AllocationTrace* const> traces);

  /// From one trace: what an item of the batch must account for (a multiple of the batch) grows with it, all
  /// else stays.
  static AffineProgram proportional(const AllocationTrace& trace);

  /// The trace that a batch would leave, without peaks; what is held outside its segments is that of the
  /// larger trace. Sizes are exact where the line meets whole bytes, else rounded up, and at most 4 TiB.
  AllocationTrace at(Batch batch, WorkspaceGuess guess = WorkspaceGuess::likely) const;

  /// Workspaces whose size at another batch is a guess.
  int unsettled() const { return unsettled_; }
  /// Tensors whose sizes do not lie on a line with whole bytes an item.
  int inexact() const { return inexact_; }

 private:
  /// A size at a batch.
  struct Point {
    Batch batch = 1;
    Bytes bytes = 0;
  };
  /// Two points of different batches that the sizes lie on the line of.
  struct Line {
    Point first;
    Point second;
    Bytes at(Batch batch) const;
  };
  struct Step {
    std::int64_t block = 0;
    bool is_free = false;
    bool is_workspace = false;
    bool is_always_there = true;  ///< in all traces
    Line likely;
    Line low;  ///< as likely where the size is settled
    Line high;
  };

  void add_batch_dependent_blocks(std::span<const AllocationTrace* const> traces);
  void add_workspace(std::span<const Point> sizes);
  static void guess_size(std::span<const Point> sizes, Step& step);
  static std::optional<Line> line_of_one_algorithm(std::span<const Point> sizes);
  Bytes bytes(const Step& step, Batch batch, WorkspaceGuess guess) const;

  Batch smaller_ = 1;
  Batch larger_ = 2;
  Timing timing_ = Timing::eager;
  std::vector<SegmentState> segments_;  ///< of the larger trace, less the blocks that depend on the batch
  Bytes held_reserved_ = 0;             ///< before the pass, outside those segments; of the larger trace
  Bytes held_allocated_ = 0;
  std::vector<Step> steps_;
  std::int64_t next_workspace_ = 1;  ///< a name that no tensor of the trace has
  int unsettled_ = 0;
  int inexact_ = 0;
};

/// The tensors of a trace (allocations that are no workspaces), in bytes, in order.
std::vector<Bytes> tensors_of(const AllocationTrace& trace);

/// The value at `batch` of the line through two points, in exact integers, rounded up; between 0 and 4 TiB.
Bytes on_line(Batch first, Bytes at_first, Batch second, Bytes at_second, Batch batch);

}  // namespace batchfit
