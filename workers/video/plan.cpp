#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "video/encoder.h"
#include "video/ffmpeg.h"
#include "video/pipeline.h"

namespace batchfit::video {
namespace {

/// Beyond those, so that decoders and encoders need not wait for each other.
constexpr std::size_t spare_frames = 16;
constexpr std::size_t fewest_frames = 4;

Result<void> check_files(const Task& task) {
  std::set<std::string> outputs;
  for (const std::string& output : task.outputs) {
    for (const std::string& input : task.inputs) {
      std::error_code unknown;
      if (std::filesystem::equivalent(input, output, unknown)) {
        return failure(ErrorKind::usage, output + " is an input too", "name another output");
      }
    }
    if (!outputs.insert(output).second)
      return failure(ErrorKind::usage, output + " is named twice", "name an output for each input");
  }
  if (!task.json.empty()) outputs.insert(task.json);
  for (const std::string& output : outputs) {
    if (auto writable = check_writable(output); !writable) return writable;
  }
  return {};
}

/// Each input gets an even share of the memory, and no more than batches need.
void share_memory(Plan& plan, Bytes memory) {
  const std::size_t inputs = plan.videos.size();
  const auto batch = static_cast<std::size_t>(plan.task.batch);
  const std::size_t wanted = (batches_under_way * batch + inputs - 1) / inputs + spare_frames;
  std::size_t all = 0;
  for (const VideoInfo& video : plan.videos) {
    const std::size_t room = static_cast<std::size_t>(memory) / inputs / picture_bytes(video.size);
    plan.lent.push_back(std::clamp(room, fewest_frames, wanted));
    all += plan.lent.back();
  }
  const std::size_t most = std::max<std::size_t>(1, all / batches_under_way);
  if (most >= batch) return;
  plan.task.batch = static_cast<Batch>(most);
  plan.notes.push_back(
      fmt::format("batch: {} instead of {}, because the frames of three batches may take {} of memory", most,
                  batch, format_bytes(memory)));
}

}  // namespace

std::optional<std::int64_t> Plan::frames() const {
  std::int64_t all = 0;
  for (const VideoInfo& video : videos) {
    const auto frames = video.frames();
    if (!frames) return std::nullopt;
    all += std::min(*frames, task.max_frames.value_or(*frames));
  }
  return all;
}

Result<Plan> make_plan(Task task, Bytes memory) {
  Plan plan;
  auto ffmpeg = find_ffmpeg();
  if (!ffmpeg) return failure(ffmpeg.error());
  plan.ffmpeg = std::move(*ffmpeg);
  for (const std::string& input : task.inputs) {
    auto info = probe(plan.ffmpeg, input);
    if (!info) return failure(info.error());
    plan.videos.push_back(*info);
  }
  if (auto checked = check_files(task); !checked) return failure(checked.error());
  plan.task = std::move(task);
  share_memory(plan, memory);
  return plan;
}

}  // namespace batchfit::video
