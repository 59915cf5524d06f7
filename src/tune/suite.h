#pragma once

#include <string>

#include "facts/cache.h"
#include "judge/limits.h"
#include "tune/input_sizes.h"
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
  Objective objective;
  bool explore = false;  ///< measure what the objective chooses from, where the cache could answer too
  bool energy = false;   ///< measure joules, whatever the objective
  bool refresh = false;  ///< measure again what the cache knows

  bool wants_energy() const { return energy || objective.needs_energy(); }
};

/// What the goal says of a search for the subject.
SearchSpace space_of(const TuneGoal& goal, const Subject& subject);

/// What others held when it was last seen: the best guess where the device cannot be asked without a worker.
std::optional<Bytes> others_last_seen(const Evidence& evidence);

/// Tunes workloads one after the other with one worker process and one context, started only when the cache
/// does not answer.
class Suite {
 public:
  /// `cancel` ends every wait; it and the cache must outlive the suite.
  Suite(const WorkerOptions& worker, LocalDevice device, Cache& cache, const Cancellation& cancel);

  /// Tunes the request with every named size at its largest; then measures the answer's batch at each other
  /// input of the distribution, once. Never fails as a whole: what went wrong stands in the result.
  TunedWorkload tune(LoadRequest request, const InputSizes& inputs, const TuneGoal& goal,
                     const TuneEvents& events);

  /// The worker itself, for what is no probe; it may have another model loaded, or none.
  RemoteWorker& worker() { return worker_; }

  /// Called when a worker is about to load a model.
  std::function<void()> on_load;
  /// Called when sizes are about to be tuned, or measured for the distribution.
  std::function<void(const std::map<std::string, std::int64_t>&)> on_input;

 private:
  using MakeStrategy = std::function<Result<Strategy>(const SearchSpace&)>;

  /// One set of sizes, by any strategy.
  TunedWorkload tune_one(const LoadRequest& request, const TuneGoal& goal, const MakeStrategy& make,
                         const TuneEvents& events);
  bool answer_from_cache(const Json& stamp_key, const TuneGoal& goal, const MakeStrategy& make,
                         TunedWorkload& out);
  void measure(const Json& stamp_key, const LoadRequest& request, const TuneGoal& goal,
               const MakeStrategy& make, const TuneEvents& events, TunedWorkload& out);
  void measure_distribution(LoadRequest request, const InputSizes& inputs, const TuneGoal& goal,
                            const TuneEvents& events, TunedWorkload& out);
  Json stamp_key(const LoadRequest& request) const;

  RemoteWorker worker_;
  Json worker_identity_;
  LocalDevice device_;
  Cache& cache_;
  const Cancellation& cancel_;
};

}  // namespace batchfit
