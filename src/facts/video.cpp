#include "facts/video.h"

#include "facts/fields.h"

namespace batchfit {
namespace {

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
