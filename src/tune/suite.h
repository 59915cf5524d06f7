#pragma once

#include <string>

#include "facts/cache.h"
#include "judge/limits.h"
#include "tune/local_device.h"
#include "tune/tune.h"
#include "tune/tuned.h"
#include "worker/cancellation.h"
#include "worker/remote_worker.h"

namespace batchfit {

/// What is asked of each workload of a run.
struct TuneGoal {
  Limits limits;
  std::string strategy = "guided";
  std::optional<Batch> max_batch;  ///< absent: the strategy's default
  bool strict = false;             ///< the memory limit is the worker's hard cap too
  bool look_ahead = true;          ///< guided only
  std::optional<Seconds> budget;   ///< of each workload's search; absent: until it is over
  std::optional<Seconds> confirm;  ///< run the answer for this long
  bool refresh = false;            ///< measure again what the cache knows
};

/// Tunes workloads one after the other with one worker process and one context, started only when the cache
/// does not answer.
class Suite {
 public:
  /// `cancel` ends every wait; it and the cache must outlive the suite.
  Suite(const WorkerOptions& worker, LocalDevice device, Cache& cache, const Cancellation& cancel);

  /// Never fails as a whole: what went wrong stands in the result.
  TunedWorkload tune(const LoadRequest& request, const TuneGoal& goal, const TuneEvents& events);

  /// Called when a worker is about to load a model.
  std::function<void()> on_load;

 private:
  bool answer_from_cache(const Json& stamp_key, const TuneGoal& goal, TunedWorkload& out);
  void measure(const Json& stamp_key, const LoadRequest& request, const TuneGoal& goal,
               const TuneEvents& events, TunedWorkload& out);
  Json stamp_key(const LoadRequest& request) const;

  RemoteWorker worker_;
  Json worker_identity_;
  LocalDevice device_;
  Cache& cache_;
  const Cancellation& cancel_;
};

}  // namespace batchfit
