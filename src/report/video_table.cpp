#include "report/video_table.h"

#include <fmt/format.h>

#include <algorithm>

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
