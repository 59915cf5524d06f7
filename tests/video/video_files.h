#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "support/temporary_folder.h"
#include "video/pipeline.h"

namespace batchfit::video::test {

/// The 75 frames that tests/data/pose-clip.json describes.
std::string pose_clip();

/// Runs ffmpeg with these arguments, and expects that it says nothing.
void ffmpeg_makes(const std::vector<std::string>& arguments);

/// A moving pattern of ffmpeg's own: "160x120", 25 frames a second.
std::string pattern_clip(const std::string& path, const std::string& size, int frames);

/// When each frame of a file is shown, as ffmpeg decodes it, in microseconds.
std::vector<std::int64_t> times_in(const std::string& path);

/// Takes the device's place: it keeps the sum of each picture's luma, and finds one pose in each.
class LookingPass : public PosePass {
 public:
  std::shared_ptr<std::byte> memory(std::size_t bytes) override;
  void add(const Picture& picture) override;
  void start() override;
  std::vector<std::vector<float>> finish() override;
  Busy busy() const override { return {}; }

  std::vector<std::int64_t> luma_sums;  ///< in the order in which they were added
  std::vector<std::size_t> batches;     ///< sizes of the passes
  std::size_t allocated = 0;            ///< bytes

 private:
  std::size_t added_ = 0;
  std::vector<std::size_t> started_;
  std::mutex mutex_;
};

/// A task over these files for a network of 64 x 64, one class and one key point.
Task task_of(std::vector<std::string> inputs, Batch batch);

/// Plans and runs it; the test fails where it cannot be planned.
Result<VideoRun> run_task(
    const Task& task, LookingPass& pass, const std::function<bool()>& stop = [] { return false; });

}  // namespace batchfit::video::test
