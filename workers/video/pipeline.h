#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "facts/video.h"
#include "video/pose_pass.h"
#include "video/probe.h"
#include "vision/letterbox.h"
#include "vision/poses.h"

namespace batchfit::video {

/// Batches whose frames are on their way at once: one that is filled, one on the device, and one that waits
/// for what comes after it.
inline constexpr std::size_t batches_under_way = 3;

/// What is to be done with which files.
struct Task {
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;  ///< with the poses drawn, one an input; empty: none
  std::string json;                  ///< the poses, a line a frame; empty: none
  Batch batch = 1;
  std::optional<std::int64_t> max_frames;  ///< of each input
  vision::ImageSize network;               ///< of the model's input
  vision::PoseRow row;
  vision::PoseRule rule;
};

/// A task whose files were looked at.
struct Plan {
  Task task;  ///< its batch may have become smaller
  std::string ffmpeg;
  std::vector<VideoInfo> videos;
  std::vector<std::size_t> lent;  ///< most frames of each input that are on their way at once
  std::vector<std::string> notes;

  /// How many frames will go through; nullopt where a file does not tell.
  std::optional<std::int64_t> frames() const;
};

/// Finds ffmpeg, looks at every input and makes sure that every output can be written. The batch becomes
/// smaller where its frames would take more than `memory`. usage error for what cannot be; unavailable where
/// there is no ffmpeg.
Result<Plan> make_plan(Task task, Bytes memory);

struct Progress {
  std::int64_t frames = 0;
  std::optional<std::int64_t> frames_total;
  Seconds seconds = 0;
};

struct Watch {
  std::function<void(const Progress&)> progress;  ///< some times a second
  std::function<bool()> stop;                     ///< asked as often: true ends the run in good order
};

/// Decodes, infers and writes, all at once in threads of their own: a thread and an ffmpeg for each input and
/// each output, this thread for the device, some for what comes after it. Inputs share batches. An input that
/// breaks off ends alone and says so; an output that cannot be written ends the run. Outputs are whole files
/// however the run ends. Throws what the pass throws.
Result<VideoRun> run(const Plan& plan, PosePass& pass, const Watch& watch);

}  // namespace batchfit::video
