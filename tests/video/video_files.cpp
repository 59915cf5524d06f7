#include "video_files.h"

#include <numeric>
#include <sstream>

#include "video/child.h"
#include "video/ffmpeg.h"

namespace batchfit::video::test {

std::string pose_clip() { return BATCHFIT_TEST_DATA "/pose-clip.mp4"; }

void ffmpeg_makes(const std::vector<std::string>& arguments) {
  const auto ffmpeg = find_ffmpeg();
  ASSERT_TRUE(ffmpeg) << ffmpeg.error().text();
  std::vector<std::string> words{*ffmpeg, "-y", "-nostdin", "-loglevel", "error"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  EXPECT_EQ(output_of(words), "");
}

std::string pattern_clip(const std::string& path, const std::string& size, int frames) {
  ffmpeg_makes({"-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=25", "-frames:v",
                std::to_string(frames), "-c:v", "ffv1", "-pix_fmt", "yuv420p", path});
  return path;
}

std::vector<std::int64_t> times_in(const std::string& path) {
  std::istringstream lines(output_of({*find_ffmpeg(), "-loglevel", "error", "-i", path, "-fps_mode",
                                      "passthrough", "-enc_time_base", "1/1000000", "-f", "framemd5", "-"}));
  std::vector<std::int64_t> times;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) continue;
    // stream, dts, pts, …
    times.push_back(std::stol(line.substr(line.find(',', line.find(',') + 1) + 1)));
  }
  return times;
}

std::shared_ptr<std::byte> LookingPass::memory(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  allocated += bytes;
  return {new std::byte[bytes], std::default_delete<std::byte[]>()};
}

void LookingPass::add(const Picture& picture) {
  const auto luma = picture.planes.first(static_cast<std::size_t>(picture.size.width * picture.size.height));
  luma_sums.push_back(std::accumulate(
      luma.begin(), luma.end(), std::int64_t{0},
      [](std::int64_t sum, std::byte pixel) { return sum + std::to_integer<std::int64_t>(pixel); }));
  ++added_;
}

void LookingPass::start() {
  batches.push_back(added_);
  started_.push_back(std::exchange(added_, 0));
}

std::vector<std::vector<float>> LookingPass::finish() {
  const std::size_t pictures = started_.front();
  started_.erase(started_.begin());
  // Centre, size, score, and a key point that is seen, in pixels of the network's input.
  return std::vector<std::vector<float>>(pictures, {32, 32, 16, 16, 0.75F, 32, 32, 0.5F});
}

Task task_of(std::vector<std::string> inputs, Batch batch) {
  Task task;
  task.inputs = std::move(inputs);
  task.batch = batch;
  task.network = {64, 64};
  task.row = {1, 1, 3};
  return task;
}

Result<VideoRun> run_task(const Task& task, LookingPass& pass, const std::function<bool()>& stop) {
  const auto plan = make_plan(task, 64 * mebibyte);
  if (!plan) return failure(plan.error());
  return run(*plan, pass, {[](const Progress&) {}, stop});
}

}  // namespace batchfit::video::test
