// The pipeline over real files, with ffmpeg at both ends and a pass between that only looks.
#include <gmock/gmock.h>

#include <fstream>

#include "base/file.h"
#include "facts/json.h"
#include "video_files.h"

namespace batchfit::video {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests
using batchfit::test::TemporaryFolder;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

std::vector<Json> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
  return lines;
}

TEST(Pipeline, every_frame_of_the_clip_goes_through_in_order_with_its_time_and_its_exact_luma) {
  const TemporaryFolder folder;
  Task task = task_of({pose_clip()}, 8);
  task.json = folder / "poses.jsonl";
  LookingPass pass;
  const auto run = run_task(task, pass);
  ASSERT_TRUE(run) << run.error().text();
  const auto clip = parse_json(*read_file(BATCHFIT_TEST_DATA "/pose-clip.json"));
  EXPECT_EQ(pass.luma_sums, clip->at("luma_sum").get<std::vector<std::int64_t>>());
  EXPECT_THAT(pass.batches, ElementsAre(8, 8, 8, 8, 8, 8, 8, 8, 8, 3));
  const auto lines = lines_of(task.json);
  ASSERT_THAT(lines, SizeIs(75));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].at("frame"), i);
    EXPECT_DOUBLE_EQ(lines[i].at("time_s").get<double>(), static_cast<double>(i) / 25);
  }
  EXPECT_EQ(run->frames, 75);
  EXPECT_EQ(run->poses, 75);
  EXPECT_FALSE(run->stopped);
}

TEST(Pipeline, a_pose_is_told_in_the_pixels_of_its_own_video) {
  const TemporaryFolder folder;
  Task task = task_of({pose_clip()}, 2);
  task.json = folder / "poses.jsonl";
  task.max_frames = 1;
  LookingPass pass;
  ASSERT_TRUE(run_task(task, pass));
  // 640 x 480 lies in 64 x 64 at a tenth, from row 8 on.
  EXPECT_EQ(
      lines_of(task.json).at(0),
      Json::parse(R"({"input":0,"frame":0,"time_s":0,"poses":[{"box":[240.0,160.0,400.0,320.0],"score":0.75,
                            "class":0,"keypoints":[[320.0,240.0,0.5]]}]})"));
}

TEST(Pipeline, inputs_share_batches_and_each_keeps_its_order) {
  const TemporaryFolder folder;
  Task task = task_of(
      {pattern_clip(folder / "a.mkv", "64x48", 21), pose_clip(), pattern_clip(folder / "b.mkv", "33x17", 5)},
      10);
  task.json = folder / "poses.jsonl";
  LookingPass pass;
  const auto run = run_task(task, pass);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(run->frames, 101);
  EXPECT_EQ(run->passes, 11);
  std::map<int, int> next;
  for (const Json& line : lines_of(task.json)) EXPECT_EQ(line.at("frame"), next[line.at("input")]++);
  EXPECT_THAT(next, ElementsAre(std::pair(0, 21), std::pair(1, 75), std::pair(2, 5)));
}

TEST(Pipeline, the_output_has_every_frame_with_the_poses_drawn) {
  const TemporaryFolder folder;
  Task task = task_of({pose_clip()}, 16);
  task.outputs = {folder / "out.mp4"};
  LookingPass pass, again;
  const auto run = run_task(task, pass);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(times_in(task.outputs[0]), times_in(pose_clip()));
  ASSERT_TRUE(run_task(task_of(task.outputs, 16), again));
  ASSERT_EQ(again.luma_sums.size(), 75);
  EXPECT_NE(again.luma_sums, pass.luma_sums);
}

TEST(Pipeline, a_variable_frame_rate_stays_one) {
  const TemporaryFolder folder;
  const std::string clip = folder / "variable.mkv";
  ffmpeg_makes({"-f", "lavfi", "-i", "testsrc2=size=64x48:rate=50", "-vf",
                "select=not(mod(n\\,3))+not(mod(n\\,7))", "-fps_mode", "passthrough", "-frames:v", "20",
                "-c:v", "ffv1", "-pix_fmt", "yuv420p", clip});
  Task task = task_of({clip}, 4);
  task.json = folder / "poses.jsonl";
  task.outputs = {folder / "out.mkv"};
  LookingPass pass;
  ASSERT_TRUE(run_task(task, pass));
  const auto times = times_in(clip);
  ASSERT_EQ(times.size(), 20);
  EXPECT_EQ(times_in(task.outputs[0]), times);
  std::vector<std::int64_t> told;
  for (const Json& line : lines_of(task.json))
    told.push_back(std::llround(line.at("time_s").get<double>() * 1e6));
  EXPECT_EQ(told, times);
}

TEST(Pipeline, odd_sizes_are_drawn_on_and_written) {
  const TemporaryFolder folder;
  Task task = task_of({pattern_clip(folder / "odd.mkv", "161x93", 7)}, 3);
  task.outputs = {folder / "out.mp4"};
  LookingPass pass;
  const auto run = run_task(task, pass);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(times_in(task.outputs[0]).size(), 7);
}

/// The same MP4 file with a display matrix that turns the picture by a quarter: ffmpeg's option for that
/// differs from version to version.
void turn(const std::string& path) {
  std::string bytes = *read_file(path);
  const auto matrix = [](std::initializer_list<std::uint32_t> words) {
    std::string text;
    for (const std::uint32_t word : words) {
      for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(word >> shift);
    }
    return text;
  };
  const std::string flat = matrix({0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000});
  const std::size_t at = bytes.find(flat, bytes.find("tkhd"));
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, flat.size(), matrix({0, 0x10000, 0, 0xFFFF0000, 0, 0, 0, 0, 0x40000000}));
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST(Pipeline, a_rotation_is_carried_out) {
  const TemporaryFolder folder;
  const std::string clip = folder / "turned.mp4";
  ffmpeg_makes({"-i", pose_clip(), "-frames:v", "3", "-c:v", "libx264", clip});
  turn(clip);
  const auto plan = make_plan(task_of({clip}, 1), mebibyte);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(plan->videos[0].size, (vision::ImageSize{480, 640}));
  LookingPass pass;
  const auto run = run_task(task_of({clip}, 1), pass);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(run->frames, 3);
}

TEST(Pipeline, a_size_that_changes_midway_is_scaled_to_the_first) {
  const TemporaryFolder folder;
  const std::string first = folder / "first.ts", second = folder / "second.ts", both = folder / "both.ts";
  for (const auto& [path, size] : {std::pair(first, "96x64"), std::pair(second, "128x96")}) {
    ffmpeg_makes({"-f", "lavfi", "-i", std::string("testsrc2=rate=25:size=") + size, "-frames:v", "10",
                  "-c:v", "libx264", "-pix_fmt", "yuv420p", path});
  }
  std::ofstream(both, std::ios::binary) << *read_file(first) << *read_file(second);
  LookingPass pass;
  const auto run = run_task(task_of({both}, 4), pass);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(run->inputs[0].width, 96);
  EXPECT_GE(run->frames, 18);  // the seam of the two streams may cost a frame
}

TEST(Pipeline, a_file_may_have_any_name) {
  const TemporaryFolder folder;
  const std::string made = folder / "made.mkv", named = folder / "-at 12:30's, it.mkv";
  pattern_clip(made, "64x48", 3);
  std::filesystem::rename(made, named);
  Task task = task_of({named}, 2);
  task.outputs = {folder / "out 12:30.mkv"};
  LookingPass pass;
  const auto run = run_task(task, pass);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(run->frames, 3);
  EXPECT_TRUE(std::filesystem::exists(task.outputs[0]));
}

TEST(Pipeline, memory_for_frames_is_bounded_and_large_pictures_make_the_batch_smaller) {
  const TemporaryFolder folder;
  const Task task = task_of({pattern_clip(folder / "8k.mkv", "7680x4320", 6)}, 64);
  const Bytes memory = 300 * mebibyte;  // six frames of 47 MiB
  const auto plan = make_plan(task, memory);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(plan->task.batch, 2);
  EXPECT_THAT(plan->notes, ElementsAre(HasSubstr("batch: 2 instead of 64")));
  LookingPass pass;
  const auto run = video::run(*plan, pass, {[](const Progress&) {}, [] { return false; }});
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(run->frames, 6);
  EXPECT_LE(pass.allocated, static_cast<std::size_t>(memory));
}

TEST(Pipeline, a_stop_ends_it_early_and_leaves_files_that_play) {
  const TemporaryFolder folder;
  Task task = task_of({pattern_clip(folder / "long.mkv", "320x240", 2000)}, 4);
  task.outputs = {folder / "out.mp4"};
  task.json = folder / "poses.jsonl";
  LookingPass pass;
  const auto run = run_task(task, pass, [&] { return !pass.batches.empty(); });
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_TRUE(run->stopped);
  EXPECT_LT(run->frames, 2000);
  EXPECT_EQ(static_cast<std::int64_t>(times_in(task.outputs[0]).size()), run->frames);
  EXPECT_EQ(static_cast<std::int64_t>(lines_of(task.json).size()), run->frames);
}

TEST(Pipeline, many_short_inputs_and_a_large_batch_do_not_wait_for_each_other_for_ever) {
  const TemporaryFolder folder;
  std::vector<std::string> inputs(6, pattern_clip(folder / "short.mkv", "64x48", 3));
  inputs.push_back(pattern_clip(folder / "long.mkv", "64x48", 300));
  LookingPass pass;
  const auto run = run_task(task_of(inputs, 200), pass);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(run->frames, 318);
}

}  // namespace
}  // namespace batchfit::video
