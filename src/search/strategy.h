#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "facts/evidence.h"
#include "forecast/forecast.h"
#include "judge/judge.h"
#include "search/objective.h"

namespace batchfit {

/// The search is over; `why` says what ended it.
struct Done {
  std::string why;
  bool operator==(const Done&) const = default;
};

using Step = std::variant<Probe, Done>;

/// What limits a search besides the limits on a batch, and what it is for.
struct SearchSpace {
  Batch max_batch = 1;            ///< no larger batch is tried
  Timing timing = Timing::eager;  ///< of the workload: the judge needs it
  JudgeRules rules;
  ForecastOptions forecast = {};  ///< what the forecast must know of the workload
  bool strict = false;            ///< the memory limit is the worker's cap, also on a device of its own
  bool look_ahead = true;         ///< guided only: look at larger tile multiples before it is done
  Objective objective = {};
  bool explore = true;  ///< measure what an objective other than the largest chooses from
  bool energy = false;  ///< measure the joules of a pass too; only where the worker can tell them
};

/// A pure function from evidence to the next probe or to done. It never sees a worker, a clock or a file, so
/// the same call resumes after a crash, answers new limits without a device, replays a recorded run and runs
/// on a simulation.
using Strategy = std::function<Step(const Evidence&, const Limits&, const Environment&)>;

/// Every batch from 1 to the maximum.
Strategy sweep(const SearchSpace& space);

/// The maximum first; where it does not pass, bisection between 1 and it.
Strategy binary(const SearchSpace& space);

/// 1, 2, 4, … until one does not pass, then bisection between the last that passed and it.
Strategy exponential(const SearchSpace& space);

/// Each probe from a model of the curves: interpolated where the limit lies between two batches, else
/// extrapolated by at most four times the largest that ran (without allocation traces twice), and by the
/// forecast of memory (MemoryBound). Ends with neighbours of which one passes and the next does not, or does
/// not fit by its forecast, after a look at larger batches that may come back under a limit: multiples of the
/// kernels' tiles for latency, drops of memory.
Strategy guided(const SearchSpace& space);

/// The strategy, with a canary: where its answer rests on solo samples taken after batch 1 was last seen,
/// alone or in pairs, a few of batch 1 are taken again before it is done. For another objective than the
/// largest batch that holds for every batch that it compares. If batch 1 drifted, the judge asks
/// for more than solo samples, and the search goes on.
Strategy watched(Strategy next, const SearchSpace& space);

/// The strategy, and then what its objective chooses from. For another objective than the largest: once the
/// largest batch that passes is found, the batches of objective_grid() below it, then halfway to its measured
/// neighbours of the one with the best score, until they are within an eighth of it. Where energy is wanted
/// the joules of a pass are measured of each of them, for the largest of batch 1 and the answer alone.
Strategy widened(Strategy next, const SearchSpace& space);

/// Names of the strategies, for options and errors.
std::vector<std::string> strategy_names();

/// The largest batch a strategy tries where the user names none. A sweep and a bisection from the maximum pay
/// for every doubling of it; the exponential search stops at the first that does not pass.
Batch default_max_batch(std::string_view strategy);

/// The strategy of that name, widened and watched; usage error with the nearest names where there is no such
/// strategy.
Result<Strategy> make_strategy(std::string_view name, const SearchSpace& space);

}  // namespace batchfit
