#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "facts/trace.h"

namespace batchfit {

/// What a workspace whose size does not follow one rule may take at another batch: the library chose another
/// algorithm between the traces, so each of these is possible.
enum class WorkspaceGuess {
  proportional,  ///< the larger trace's size, scaled with the batch; 0 where that trace has none: the
                 ///< likeliest
  on_the_line,   ///< on the line through both traces
  constant,      ///< as in the larger trace
  steepest,      ///< the larger of both traces' sizes, each scaled with the batch
  absent,
};
inline constexpr WorkspaceGuess every_guess[] = {WorkspaceGuess::proportional, WorkspaceGuess::on_the_line,
                                                 WorkspaceGuess::constant, WorkspaceGuess::steepest,
                                                 WorkspaceGuess::absent};

/// The allocation program of a workload as a function of the batch, from the traces of two batches.
///
/// A workspace is what is freed before anything else happens: scratch memory of one operator, which a library
/// chooses anew at each batch. All else is a tensor. Tensors align by order and lifetime, and their sizes lie
/// on the line through both traces. A workspace belongs to its place between the tensors; it is settled where
/// both traces have it and its size grew by no less than nothing and no more than the batch.
class AffineProgram {
 public:
  /// The traces' batches must differ; absent where their tensors do not align (another regime of the
  /// library). `check`, an even smaller trace, is used only to see which workspaces follow their line: there
  /// is no other way to tell.
  static std::optional<AffineProgram> align(const AllocationTrace& smaller, const AllocationTrace& larger,
                                            const AllocationTrace* check = nullptr);

  /// From one trace: what an item of the batch must account for (a multiple of the batch) grows with it, all
  /// else stays.
  static AffineProgram proportional(const AllocationTrace& trace);

  /// The trace that a batch would leave, without peaks; what is held outside its segments is that of the
  /// larger trace. Sizes are exact where the line meets whole bytes, else rounded up, and at most 4 TiB.
  AllocationTrace at(Batch batch, WorkspaceGuess guess = WorkspaceGuess::proportional) const;

  /// Workspaces whose size at another batch is a guess.
  int unsettled() const { return unsettled_; }
  /// Tensors whose sizes do not lie on a line with whole bytes an item.
  int inexact() const { return inexact_; }

 private:
  struct Request {
    Bytes smaller = 0;  ///< bytes in the smaller trace; 0: not there
    Bytes larger = 0;
    bool settled = true;
  };
  struct Step {
    std::int64_t block = 0;
    bool is_free = false;
    Request request;
  };

  void add_batch_dependent_blocks(const AllocationTrace& smaller);
  void add_workspace(const Request& request);
  Bytes bytes(const Request& request, Batch batch, WorkspaceGuess guess) const;

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
