#pragma once

#include <optional>
#include <set>

#include "facts/evidence.h"
#include "facts/probe.h"
#include "forecast/crossing.h"
#include "forecast/forecast.h"
#include "judge/limits.h"
#include "search/strategy.h"

namespace batchfit {

/// What a worker may take. On a device of its own it may reach for all that is free (nothing is returned), so
/// that a batch a little over the limit is measured cleanly. Beside others, or where the user is strict, it
/// must not: the limit itself is its cap; beside others with a little to spare, so that a batch just beyond
/// the limit is measured and not an out-of-memory.
std::optional<Bytes> worker_cap(const Limits& limits, const Environment& environment, bool strict);

/// What the forecast of memory says to a search: how far it may go, and where the memory limit lies. Where no
/// memory was measured it says nothing; the worker's cap then keeps the device safe.
class MemoryBound {
 public:
  /// The evidence must outlive it.
  MemoryBound(const Evidence& evidence, const Limits& limits, const Environment& environment,
              const SearchSpace& space);

  /// How many times the largest batch that ran the next one may be.
  Batch longest_jump() const;

  /// The forecast that forbids to run the batch. On a device of its own: even the lower bound is more than
  /// the device holds. Under a cap, where overstepping is an out-of-memory: the forecast itself is more than
  /// it, or its upper bound where workspaces are unsettled.
  std::optional<Forecast> forbids(Batch batch) const;

  /// Whether the batch breaks the memory limit, as measured or by its forecast.
  bool expects_beyond(Batch batch) const;

  /// The largest batch in [from, to] that is not forbidden; absent where all are.
  std::optional<Batch> largest_runnable(Batch from, Batch to) const;

  /// Where to look next for the memory limit, in [passing + 1, most]: the largest batch that is likely within
  /// it, where its interval is narrow or a batch beyond the limit was measured. Else not so far: as far as
  /// the upper bound lies within, but at least half the way; a trace there makes the next forecast sharper.
  /// Under a cap, where overstepping is an out-of-memory, the upper bound alone counts. Absent where all of
  /// the range is within.
  std::optional<Batch> target(Batch passing, Batch most, bool beyond_is_measured) const;

  /// A batch beyond `failing`, the neighbour of the answer that breaks the memory limit, that might be within
  /// it all the same, for memory is not monotone (docs/results.md says what is looked at); absent where there
  /// is none, or enough were looked at.
  std::optional<Batch> look_ahead(Batch failing) const;

 private:
  std::optional<Batch> likely_beyond(Batch failing, Batch furthest) const;
  std::optional<Batch> change_of_regime_beyond(Batch failing, Batch furthest) const;
  std::optional<Batch> other_workspaces_beyond(Batch failing, Batch furthest) const;
  std::optional<Batch> no_workspaces_beyond(Batch failing, Batch furthest) const;
  std::optional<Batch> largest_within(Batch failing, Batch furthest, WorkspaceGuess guess) const;
  bool worth_a_look(Batch batch, Bytes expected) const;

  Forecaster forecaster_;
  std::set<Batch> tried_;
  Batch max_batch_;
  bool has_traces_;
  bool rehearses_;                 ///< the worker can tell memory without a run
  std::ptrdiff_t most_looks_;      ///< beyond the answer's neighbour, in vain
  std::optional<Bytes> allowed_;   ///< by the limit; absent: a share of an unknown total
  std::optional<Bytes> holdable_;  ///< what a batch may take without running out of memory, if known
  bool capped_;                    ///< the limit is the worker's cap
};

/// The forecast that a batch lies beyond the memory limit: even its lower bound is more. Absent where it may
/// be within.
std::optional<Forecast> beyond_memory(const Evidence& evidence, Batch batch, const Limits& limits,
                                      const Environment& environment, const ForecastOptions& options = {});

}  // namespace batchfit
