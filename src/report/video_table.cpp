#include "report/video_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "facts/fields.h"
#include "facts/json.h"
#include "report/display.h"
#include "report/wording.h"

namespace batchfit {
namespace {

constexpr const char* video_format = "batchfit-video";
constexpr int video_version = 1;
constexpr std::size_t width = 80;

struct About {
  const char* stage;
  const char* text;
};
constexpr About abouts[] = {{"decode", "ffmpeg's decoding, and its pipe"},
                            {"feed", "what feeds the device, and its waits for it"},
                            {"prepare", "copying to the device and letterboxing there"},
                            {"infer", "the model's pass"},
                            {"post", "choosing among overlapping poses; their text"},
                            {"draw", "drawing"},
                            {"lines", "writing the lines of poses"},
                            {"encode", "ffmpeg's encoding, and its pipe"}};

std::string about(const std::string& stage) {
  for (const About& known : abouts) {
    if (stage == known.stage) return known.text;
  }
  return {};
}

std::string rate(Seconds per_frame) { return per_frame > 0 ? fmt::format("{:.0f}", 1 / per_frame) : "–"; }

std::string stage_row(const VideoStage& stage, std::int64_t frames) {
  const Seconds each = stage.per_frame(frames);
  return fmt::format("  {}  {}  {}  {}\n", pad_right(printable(stage.name), 8),
                     pad_left(format_seconds(each), 9), pad_left(rate(each), 8), about(stage.name));
}

}  // namespace

std::string render_video(const Subject& subject, const VideoRun& run) {
  const Workload& workload = subject.workload;
  std::string text =
      fmt::format("{} {} on {}, batch {}\n", printable(workload.model), printable(workload.dtype),
                  printable(device_text(subject.device)), run.batch);
  for (const VideoInput& input : run.inputs) {
    text += wrap(
        fmt::format("{}: {}x{}, {} frames", printable(input.path), input.width, input.height, input.frames),
        width, 2);
    if (!input.error.empty()) text += wrap(printable(input.error), width, 4);
  }
  text +=
      fmt::format("{} frames in {}: {:.1f} frames/s, {} poses{}\n", run.frames, format_seconds(run.seconds),
                  run.frames_per_second(), run.poses, run.stopped ? " (stopped early)" : "");
  if (run.latency_median && run.latency_p95) {
    text += fmt::format("a frame's latency: median {}, 95th percentile {}\n",
                        format_seconds(*run.latency_median), format_seconds(*run.latency_p95));
  }
  if (run.frames > 0) {
    text += "\n  stage       a frame  frames/s  \n";
    for (const VideoStage& stage : run.stages) text += stage_row(stage, run.frames);
    const VideoResource slowest = slowest_resource(run);
    text += fmt::format("\nslowest: {} ({} frames/s by itself)\n", slowest.name, rate(slowest.per_frame));
  }
  for (const std::string& file : run.files) text += wrap("written: " + printable(file), width, 0);
  for (const std::string& note : run.notes) text += wrap(printable(note), width, 0);
  return text;
}

std::string render_pipeline(const TunedPipeline& pipeline) {
  const VideoRun* best = fastest(pipeline.runs);
  if (best == nullptr) return {};
  const auto row = [](const std::array<std::string, 8>& cells) {
    constexpr std::array<std::size_t, 8> widths{7, 10, 10, 9, 9, 17, 9, 9};
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) text += pad_left(cells[i], widths[i]);
    return text + "\n";
  };
  std::string text =
      wrap(fmt::format("{} video file{}, {}x{}; a frame's time by stage; live streams of {:g} frames/s",
                       pipeline.videos.size(), pipeline.videos.size() == 1 ? "" : "s",
                       best->inputs.front().width, best->inputs.front().height, pipeline.frames_per_second),
           width, 2);
  text += row({"batch", "frames/s", "decoding", "device", "post", "slowest", "streams", "latency"});
  for (const VideoRun& run : pipeline.runs) {
    const auto resources = video_resources(run);
    const auto time_of = [&](std::string_view name) {
      const auto found =
          std::find_if(resources.begin(), resources.end(), [&](const auto& r) { return r.name == name; });
      return found == resources.end() ? std::string(unknown_text) : format_seconds(found->per_frame);
    };
    const LiveFigures live = live_figures(run, pipeline.frames_per_second);
    text +=
        row({std::to_string(run.batch), throughput_text(run.steady_frames_per_second()), time_of("decoding"),
             time_of("device"), time_of("post-processing"), slowest_resource(run).name,
             count_text(live.streams), format_seconds(live.latency.value_or(live.latency_of_one))});
  }
  return text +
         wrap(
             fmt::format(
                 "best: batch {}, {} frames/s; {} limits it. With one live stream a frame's latency is {}.",
                 best->batch, throughput_text(best->steady_frames_per_second()), slowest_resource(*best).name,
                 format_seconds(live_figures(*best, pipeline.frames_per_second).latency_of_one)),
             width, 2);
}

Json pipeline_json(const TunedPipeline& pipeline) {
  Json json = {{"videos", pipeline.videos},
               {"live_frames_per_s", pipeline.frames_per_second},
               {"runs", Json::array()}};
  for (const VideoRun& run : pipeline.runs) {
    Json entry = to_json(run);
    const VideoResource slowest = slowest_resource(run);
    const LiveFigures live = live_figures(run, pipeline.frames_per_second);
    entry["frames_per_s"] = run.steady_frames_per_second();
    entry["slowest"] = {{"name", slowest.name}, {"per_frame_s", slowest.per_frame}};
    entry["live"] = {{"streams", live.streams}, {"latency_of_one_s", live.latency_of_one}};
    if (live.latency) entry["live"]["latency_s"] = *live.latency;
    json["runs"].push_back(std::move(entry));
  }
  if (const VideoRun* best = fastest(pipeline.runs)) json["batch"] = best->batch;
  if (pipeline.error) json["error"] = pipeline.error->text();
  return json;
}

Result<TunedPipeline> pipeline_from_json(const Json& json) {
  Fields fields(json, "video");
  TunedPipeline pipeline;
  fields.required("videos", pipeline.videos);
  fields.required("live_frames_per_s", pipeline.frames_per_second);
  fields.list("runs", video_run_from_json, pipeline.runs);
  std::string error;
  fields.maybe("error", error);
  if (!error.empty()) pipeline.error = Error{ErrorKind::runtime, error, ""};
  return fields.finish(std::move(pipeline));
}

std::string export_video_json(const Subject& subject, const VideoRun& run,
                              const std::vector<std::string>& command) {
  const VideoResource slowest = slowest_resource(run);
  Json json = {{"format", video_format}, {"version", video_version},
               {"command", command},     {"subject", to_json(subject)},
               {"video", to_json(run)},  {"frames_per_s", run.frames_per_second()}};
  if (run.frames > 0) json["slowest"] = {{"name", slowest.name}, {"per_frame_s", slowest.per_frame}};
  return json.dump(1) + "\n";
}

}  // namespace batchfit
