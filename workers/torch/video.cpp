#include "video.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "device/host.h"
#include "facts/fields.h"
#include "facts/video.h"
#include "video/pipeline.h"

namespace batchfit {
namespace {

/// Memory for frames on their way: what three batches of 128 pictures of 1080p take, and no more than a part
/// of what there is.
constexpr Bytes most_frame_memory = 2 * gibibyte;
constexpr Bytes memory_share = 4;

Answer<video::Task> task_of(const Json& json) {
  Fields fields(json, "run_video", ErrorKind::usage);
  video::Task task;
  double confidence = static_cast<double>(task.rule.confidence);
  fields.required("batch", task.batch);
  fields.required("inputs", task.inputs);
  fields.maybe("outputs", task.outputs);
  fields.maybe("json", task.json);
  fields.maybe("confidence", confidence);
  fields.maybe("overlap", task.rule.suppression.overlap);
  fields.maybe("max_frames", task.max_frames);
  if (task.batch < 1) fields.fail("'batch' is not 1 or more");
  if (task.inputs.empty()) fields.fail("has no 'inputs'");
  if (!task.outputs.empty() && task.outputs.size() != task.inputs.size())
    fields.fail("has not as many 'outputs' as 'inputs'");
  if (task.max_frames == 0) fields.fail("'max_frames' is not 1 or more");
  task.rule.confidence = static_cast<float>(confidence);
  auto read = fields.finish(std::move(task));
  if (!read) return refuse(read.error());
  return std::move(*read);
}

Json progress_json(const video::Progress& progress) {
  Json json = {{"frames", progress.frames}, {"seconds", progress.seconds}};
  if (progress.frames_total) json["frames_total"] = *progress.frames_total;
  return json;
}

Bytes frame_memory() {
  const auto usable = usable_memory();
  return usable ? std::min(most_frame_memory, *usable / memory_share) : most_frame_memory;
}

}  // namespace

Answer<Json> run_video(Engine& engine, const Json& request, Call& call) {
  const auto row = engine.pose_row();
  const Workload workload = engine.subject().workload;
  if (!row) {
    return refuse(RefusalKind::usage, workload.model + " finds no poses",
                  "name a pose model, such as yolo11n-pose");
  }
  auto task = task_of(request);
  if (!task) return tl::unexpected(task.error());
  task->row = *row;
  task->network = {workload.input_shape.at(2), workload.input_shape.at(1)};
  const auto plan = video::make_plan(std::move(*task), frame_memory());
  if (!plan) return refuse(plan.error());
  auto pass = engine.pose_pass(plan->task.batch, plan->task.rule.confidence);
  if (!pass) return tl::unexpected(pass.error());
  const video::Watch watch{
      [&call](const video::Progress& progress) { call.progress(progress_json(progress)); },
      [&call] { return call.stop_asked(); }};
  const auto run = video::run(*plan, **pass, watch);
  if (!run) return refuse(run.error());
  return Json{{"video", to_json(*run)}};
}

}  // namespace batchfit
