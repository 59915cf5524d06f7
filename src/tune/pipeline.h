#pragma once

#include <functional>
#include <string>
#include <vector>

#include "judge/limits.h"
#include "tune/tuned.h"
#include "worker/remote_worker.h"

namespace batchfit {

/// What is asked of the pipeline around a workload.
struct PipelineGoal {
  std::vector<std::string> videos;
  double frames_per_second = 25;  ///< of a live stream
  /// Called when a batch is about to run, and while it does.
  std::function<void(Batch)> on_batch;
  std::function<void(const VideoProgress&)> on_progress;
};

/// Batches that the evidence proves to be within the limits, ascending: 1, the answer, and between them about
/// one for each doubling.
std::vector<Batch> pipeline_batches(const TunedWorkload& tuned, const Limits& limits);

/// Runs the workload, which was tuned, over a part of the videos at each of those batches: 300 frames, of
/// larger batches eight. What goes wrong stands in the result.
TunedPipeline tune_pipeline(const LoadRequest& request, const TunedWorkload& tuned, const Limits& limits,
                            const PipelineGoal& goal, RemoteWorker& worker);

}  // namespace batchfit
