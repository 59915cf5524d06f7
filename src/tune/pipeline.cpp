#include "tune/pipeline.h"

#include <algorithm>

#include "judge/judge.h"

namespace batchfit {
namespace {

/// More than decoders, encoders and boost clocks take to settle.
constexpr std::int64_t fewest_frames = 300;
constexpr std::int64_t fewest_passes = 8;

}  // namespace

std::vector<Batch> pipeline_batches(const TunedWorkload& tuned, const Limits& limits) {
  const Batch best = tuned.answer.batch().value_or(1);
  std::vector<Batch> passing;
  for (const Batch batch : tuned.evidence.observed()) {
    if (batch > best) continue;
    const Ruling ruling =
        judge(tuned.evidence, batch, limits, tuned.environment, tuned.subject->workload.timing);
    if (batch == 1 || batch == best || ruling.passes()) passing.push_back(batch);
  }
  std::vector<Batch> chosen;
  for (const Batch batch : passing) {
    if (chosen.empty() || batch >= 2 * chosen.back() || batch == best) chosen.push_back(batch);
  }
  return chosen;
}

TunedPipeline tune_pipeline(const LoadRequest& request, const TunedWorkload& tuned, const Limits& limits,
                            const PipelineGoal& goal, RemoteWorker& worker) {
  TunedPipeline out{goal.videos, goal.frames_per_second, {}, std::nullopt};
  if (const auto loaded = worker.load(request); !loaded) {
    out.error = loaded.error();
    return out;
  }
  const auto inputs = static_cast<std::int64_t>(goal.videos.size());
  for (const Batch batch : pipeline_batches(tuned, limits)) {
    goal.on_batch(batch);
    VideoRequest video;
    video.batch = batch;
    video.inputs = goal.videos;
    video.max_frames = (std::max(fewest_frames, fewest_passes * batch) + inputs - 1) / inputs;
    auto run = worker.run_video(video, goal.on_progress);
    if (!run) {
      out.error = run.error();
      return out;
    }
    const auto broken = std::find_if(run->inputs.begin(), run->inputs.end(),
                                     [](const VideoInput& input) { return !input.error.empty(); });
    if (broken != run->inputs.end()) out.error = Error{ErrorKind::runtime, broken->error, ""};
    // Where memory makes the batch smaller a larger one would be the same run again.
    const bool known = !out.runs.empty() && run->batch <= out.runs.back().batch;
    const bool ends = run->stopped || known || out.error;
    if (!known && !run->stopped && run->frames > 0) out.runs.push_back(std::move(*run));
    if (ends) return out;
  }
  return out;
}

}  // namespace batchfit
