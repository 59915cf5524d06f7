#include "facts/video.h"

#include <algorithm>

#include "facts/fields.h"

namespace batchfit {
namespace {

/// Rates nearer than this to the best are no better: runs of a second differ by as much.
constexpr double near_tie = 0.03;

Json to_json(const VideoStage& stage) {
  Json json = {{"name", stage.name}, {"busy_s", stage.busy}, {"threads", stage.threads}};
  if (stage.waited) json["waited_s"] = *stage.waited;
  return json;
}

Result<VideoStage> stage_from_json(const Json& json) {
  Fields fields(json, "stage");
  VideoStage stage;
  fields.required("name", stage.name);
  fields.required("busy_s", stage.busy);
  fields.required("threads", stage.threads);
  fields.maybe("waited_s", stage.waited);
  if (stage.threads < 1) fields.fail("'threads' is not 1 or more");
  return fields.finish(std::move(stage));
}

Json to_json(const VideoInput& input) {
  Json json = {
      {"path", input.path}, {"width", input.width}, {"height", input.height}, {"frames", input.frames}};
  if (input.frames_per_second) json["frames_per_s"] = *input.frames_per_second;
  if (!input.error.empty()) json["error"] = input.error;
  return json;
}

Result<VideoInput> input_from_json(const Json& json) {
  Fields fields(json, "input");
  VideoInput input;
  fields.required("path", input.path);
  fields.required("width", input.width);
  fields.required("height", input.height);
  fields.required("frames", input.frames);
  fields.maybe("frames_per_s", input.frames_per_second);
  fields.maybe("error", input.error);
  return fields.finish(std::move(input));
}

}  // namespace

double VideoRun::steady_frames_per_second() const {
  const std::int64_t after = frames - batch;
  if (after < batch || seconds <= first) return frames_per_second();
  return static_cast<double>(after) / (seconds - first);
}

std::vector<VideoResource> video_resources(const VideoRun& run) {
  std::vector<VideoResource> all{
      {"decoding", 0}, {"device", 0}, {"post-processing", 0}, {"writing", 0}, {"encoding", 0}};
  const auto of = [&](const std::string& stage) -> VideoResource* {
    if (stage == "decode") return &all[0];
    if (stage == "prepare" || stage == "infer") return &all[1];
    if (stage == "post" || stage == "draw") return &all[2];
    if (stage == "lines") return &all[3];
    if (stage == "encode") return &all[4];
    return nullptr;
  };
  for (const VideoStage& stage : run.stages) {
    if (VideoResource* resource = of(stage.name)) resource->per_frame += stage.per_frame(run.frames);
  }
  std::erase_if(all, [](const VideoResource& resource) { return resource.per_frame <= 0; });
  return all;
}

VideoResource slowest_resource(const VideoRun& run) {
  const auto all = video_resources(run);
  const auto slower = [](const VideoResource& a, const VideoResource& b) {
    return a.per_frame < b.per_frame;
  };
  return all.empty() ? VideoResource{} : *std::max_element(all.begin(), all.end(), slower);
}

const VideoRun* fastest(std::span<const VideoRun> runs) {
  double most = 0;
  for (const VideoRun& run : runs) most = std::max(most, run.steady_frames_per_second());
  for (const VideoRun& run : runs) {
    if (run.steady_frames_per_second() >= most * (1 - near_tie)) return &run;
  }
  return nullptr;
}

/// A batch's first frame waits for the others, then for all of them to be prepared and for the pass, then for
/// what comes after it.
LiveFigures live_figures(const VideoRun& run, double frames_per_second) {
  LiveFigures live;
  const Seconds slowest = slowest_resource(run).per_frame;
  if (run.frames == 0 || run.passes == 0 || slowest <= 0) return live;
  live.streams = static_cast<std::int64_t>(1 / (slowest * frames_per_second));
  Seconds after_its_batch = 0;
  for (const VideoStage& stage : run.stages) {
    const Seconds of_all = stage.busy / static_cast<double>(run.passes);
    if (stage.name == "prepare" || stage.name == "infer") after_its_batch += of_all;
    if (stage.name == "post") after_its_batch += stage.busy / static_cast<double>(run.frames);
  }
  const double others = static_cast<double>(run.batch - 1);
  const auto with = [&](std::int64_t streams) {
    return others / (static_cast<double>(streams) * frames_per_second) + after_its_batch;
  };
  live.latency_of_one = with(1);
  if (live.streams > 0) live.latency = with(live.streams);
  return live;
}

Json to_json(const VideoRun& run) {
  Json json = {{"batch", run.batch},     {"frames", run.frames},   {"passes", run.passes},
               {"poses", run.poses},     {"seconds", run.seconds}, {"first_s", run.first},
               {"stopped", run.stopped}, {"files", run.files},     {"notes", run.notes}};
  json["stages"] = Json::array();
  for (const VideoStage& stage : run.stages) json["stages"].push_back(to_json(stage));
  json["inputs"] = Json::array();
  for (const VideoInput& input : run.inputs) json["inputs"].push_back(to_json(input));
  if (run.latency_median) json["latency_median_s"] = *run.latency_median;
  if (run.latency_p95) json["latency_p95_s"] = *run.latency_p95;
  return json;
}

Result<VideoRun> video_run_from_json(const Json& json) {
  Fields fields(json, "video run");
  VideoRun run;
  fields.required("batch", run.batch);
  fields.required("frames", run.frames);
  fields.required("passes", run.passes);
  fields.required("poses", run.poses);
  fields.required("seconds", run.seconds);
  fields.required("first_s", run.first);
  fields.required("stopped", run.stopped);
  fields.required("files", run.files);
  fields.required("notes", run.notes);
  fields.list("stages", stage_from_json, run.stages);
  fields.list("inputs", input_from_json, run.inputs);
  fields.maybe("latency_median_s", run.latency_median);
  fields.maybe("latency_p95_s", run.latency_p95);
  return fields.finish(std::move(run));
}

}  // namespace batchfit
