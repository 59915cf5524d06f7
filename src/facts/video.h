#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "facts/json.h"

namespace batchfit {

/// One stage of a pipeline over video: what it did for all frames of a run.
struct VideoStage {
  std::string name;               ///< decode, prepare, infer, post, draw, lines, encode
  Seconds busy = 0;               ///< of all its threads together, waiting for others left out
  std::int64_t threads = 1;       ///< that share the work
  std::optional<Seconds> waited;  ///< by all frames together, before it

  /// What a frame takes of the stage, its threads side by side; 0 frames: 0.
  Seconds per_frame(std::int64_t frames) const {
    return frames > 0 ? busy / static_cast<double>(threads) / static_cast<double>(frames) : 0;
  }
  bool operator==(const VideoStage&) const = default;
};

/// One file that was read.
struct VideoInput {
  std::string path;
  std::int64_t width = 0, height = 0;       ///< as shown
  std::optional<double> frames_per_second;  ///< as the file says
  std::int64_t frames = 0;                  ///< that went through
  std::string error;                        ///< why they ended early; empty where they did not
  bool operator==(const VideoInput&) const = default;
};

/// What one run of the pipeline over some files did.
struct VideoRun {
  Batch batch = 1;  ///< of a pass
  std::int64_t frames = 0;
  std::int64_t passes = 0;
  std::int64_t poses = 0;
  Seconds seconds = 0;  ///< from the decoders' start to the last file's end
  Seconds first = 0;    ///< of those, until the first frame had its poses
  std::vector<VideoStage> stages;
  std::optional<Seconds> latency_median, latency_p95;  ///< from a frame's decoding to its poses
  std::vector<VideoInput> inputs;
  std::vector<std::string> files;  ///< written
  std::vector<std::string> notes;  ///< for people
  bool stopped = false;            ///< ended early because it was asked to

  double frames_per_second() const { return seconds > 0 ? static_cast<double>(frames) / seconds : 0; }

  /// Once it is under way: the frames after the first pass, a second after it. The same as above where there
  /// is too little after it.
  double steady_frames_per_second() const;

  bool operator==(const VideoRun&) const = default;
};

/// Stages that share threads or a device, one after the other, limit a pipeline together.
struct VideoResource {
  std::string name;       ///< decoding, device, post-processing, writing, encoding
  Seconds per_frame = 0;  ///< at its own pace
};

/// Those of a run, and the slowest of them, which is the most that its pipeline can reach.
std::vector<VideoResource> video_resources(const VideoRun& run);
VideoResource slowest_resource(const VideoRun& run);

/// The run with the most frames a second from end to end, of near ties the first; null where there is none.
const VideoRun* fastest(std::span<const VideoRun> runs);

/// What live streams would see of a run's pipeline, each bringing so many frames a second.
struct LiveFigures {
  std::int64_t streams = 0;  ///< that the slowest resource carries
  std::optional<Seconds>
      latency;  ///< of a batch's first frame with so many streams; absent where it carries none
  Seconds latency_of_one = 0;  ///< the same with a single stream
};
LiveFigures live_figures(const VideoRun& run, double frames_per_second);

// Their JSON, as docs/video.md defines it.
Json to_json(const VideoRun& run);
Result<VideoRun> video_run_from_json(const Json& json);

}  // namespace batchfit
