#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "judge/drift.h"
#include "judge/judge.h"
#include "search/objective.h"
#include "search/strategy.h"

namespace batchfit {

/// What came out of a search.
enum class Status {
  found,         ///< a batch passes, proven by measurement
  nothing_fits,  ///< batch 1 breaks a limit
  undecided,     ///< not even batch 1 can be decided
  failed,        ///< the worker failed on batch 1, or the model did
  interrupted,   ///< stopped before the search was over; the batch is the best so far
};

/// The batch, and why it is the answer: computed from evidence, limits and environment, never stored.
struct Answer {
  Status status = Status::failed;
  std::string why;                ///< one line: what ended the search
  std::optional<Ruling> best;     ///< the answer: of the batches that pass, the objective's choice
  std::optional<Ruling> largest;  ///< the largest batch that passes
  std::optional<Ruling> next;     ///< the smallest batch above `largest` that was judged; it does not pass
  std::vector<Ruling> undecided;  ///< batches above `largest` that the noise left open
  Objective objective;
  /// What each objective chooses among the batches that pass. One that compares what was not measured has
  /// none; where that is the run's own, the answer is the largest.
  std::map<Goal, Choice> choices;
  std::vector<Batch> front;       ///< the batches that pass and that no other beats (pareto_front)
  std::optional<Batch> knee;      ///< where the front bends
  std::vector<Batch> passing;     ///< every batch that was measured and passes, ascending
  bool cut_short = false;         ///< the time budget ended the search before it was over
  bool neighbour_judged = false;  ///< `next` is `largest` + 1, and no probe would say more of it
  Observation at_one;             ///< batch 1 as measured; its samples are empty where it was not
  Observation at_best;            ///< likewise
  std::optional<double> drift;    ///< of batch 1 over the search (judge/drift.h)
  Batch max_batch = 1;            ///< no larger batch was allowed

  std::optional<Batch> batch() const { return best ? std::optional(best->batch) : std::nullopt; }
  /// What keeps the batch from being larger: "latency", "memory", "max batch", …; an objective's name where a
  /// larger one passes.
  std::string limiter() const;
};

/// The measured batch that passes and that the objective (space.objective) chooses, and what stands above the
/// largest that passes.
Answer answer(const Evidence& evidence, const Limits& limits, const Environment& environment,
              const SearchSpace& space, const Done& done);

std::string_view name_of(Status status);

}  // namespace batchfit
