// Files and programs that are not as they should be.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "video/ffmpeg.h"
#include "video_files.h"

namespace batchfit::video {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests
using batchfit::test::TemporaryFolder;
using testing::HasSubstr;

/// An ffmpeg that does as the real one, but where `condition` (a pattern of its arguments) holds runs
/// `instead`.
class FakeFfmpeg {
 public:
  FakeFfmpeg(const std::string& condition, const std::string& instead) {
    const auto real = find_ffmpeg();
    const std::string path = folder_ / "ffmpeg";
    std::ofstream(path) << "#!/bin/sh\nreal='" << real.value_or("") << "'\ncase \"$*\" in\n*" << condition
                        << "*) " << instead << ";;\nesac\nexec \"$real\" \"$@\"\n";
    ::chmod(path.c_str(), 0755);
    ::setenv("BATCHFIT_FFMPEG", path.c_str(), 1);
  }
  FakeFfmpeg(const FakeFfmpeg&) = delete;
  FakeFfmpeg& operator=(const FakeFfmpeg&) = delete;
  ~FakeFfmpeg() { ::unsetenv("BATCHFIT_FFMPEG"); }

 private:
  TemporaryFolder folder_;
};

std::string refusal(const Task& task) {
  const auto plan = make_plan(task, mebibyte);
  return plan ? "" : plan.error().text();
}

TEST(VideoFaults, a_missing_file_one_that_is_no_video_and_one_of_sound_alone_are_told_apart) {
  const TemporaryFolder folder;
  const std::string text = folder / "text.mp4", sound = folder / "sound.wav";
  std::ofstream(text) << "no video";
  ffmpeg_makes({"-f", "lavfi", "-i", "sine=duration=0.1", sound});
  EXPECT_THAT(refusal(task_of({folder / "missing.mp4"}, 1)), HasSubstr("No such file"));
  EXPECT_THAT(refusal(task_of({text}, 1)), HasSubstr("cannot be read as video"));
  EXPECT_THAT(refusal(task_of({sound}, 1)), HasSubstr("has no video stream"));
}

TEST(VideoFaults, what_is_left_of_a_truncated_file_goes_through) {
  const TemporaryFolder folder;
  const std::string whole = folder / "whole.mkv", cut = folder / "cut.mkv";
  ffmpeg_makes({"-i", pose_clip(), "-c", "copy", whole});
  const std::string bytes = *read_file(whole);
  std::ofstream(cut, std::ios::binary) << bytes.substr(0, bytes.size() / 2);
  LookingPass pass;
  const auto run = run_task(task_of({cut}, 8), pass);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_GT(run->frames, 10);
  EXPECT_LT(run->frames, 75);
}

TEST(VideoFaults, a_truncated_file_without_its_index_is_refused) {
  const TemporaryFolder folder;
  const std::string cut = folder / "cut.mp4";
  std::ofstream(cut, std::ios::binary) << read_file(pose_clip())->substr(0, 4000);
  const std::string said = refusal(task_of({cut}, 8));
  if (said.empty()) {  // its index stands first
    LookingPass pass;
    const auto run = run_task(task_of({cut}, 8), pass);
    ASSERT_TRUE(run) << run.error().text();
    EXPECT_LT(run->frames, 75);
  } else {
    EXPECT_THAT(said, HasSubstr("cannot be read as video"));
  }
}

TEST(VideoFaults, a_file_without_frames_is_an_error_of_that_input_alone) {
  const TemporaryFolder folder;
  const std::string empty = folder / "empty.avi";
  ffmpeg_makes({"-i", pose_clip(), "-c:v", "copy", "-frames:v", "0", empty});
  LookingPass pass;
  const auto run = run_task(task_of({empty, pose_clip()}, 8), pass);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_THAT(run->inputs[0].error, HasSubstr("no frame that can be decoded"));
  EXPECT_EQ(run->inputs[1].frames, 75);
  EXPECT_EQ(run->inputs[1].error, "");
}

TEST(VideoFaults, a_decoder_that_dies_midway_ends_its_input_and_the_output_plays_up_to_there) {
  const TemporaryFolder folder;
  const FakeFfmpeg fake("pipe:1", "\"$real\" \"$@\" | head -c 5000000; echo it hurts >&2; exit 3");
  Task task = task_of({pose_clip()}, 4);
  task.outputs = {folder / "out.mp4"};
  LookingPass pass;
  const auto run = run_task(task, pass);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(run->frames, 5000000 / (640 * 480 * 3 / 2));
  EXPECT_THAT(run->inputs[0].error, HasSubstr("broke off (exit code 3)"));
  EXPECT_THAT(run->inputs[0].error, HasSubstr("it hurts"));
  EXPECT_EQ(static_cast<std::int64_t>(times_in(task.outputs[0]).size()), run->frames);
}

TEST(VideoFaults, an_encoder_that_dies_midway_ends_the_run_with_what_it_said) {
  const TemporaryFolder folder;
  const FakeFfmpeg fake("pipe:0", "head -c 3000000 >/dev/null; echo no more room >&2; exit 4");
  Task task = task_of({pose_clip()}, 4);
  task.outputs = {folder / "out.mp4"};
  LookingPass pass;
  const auto run = run_task(task, pass);
  ASSERT_FALSE(run);
  EXPECT_THAT(run.error().text(), HasSubstr("exit code 4"));
  EXPECT_THAT(run.error().text(), HasSubstr("no more room"));
}

TEST(VideoFaults, a_stream_that_is_not_what_the_decoder_should_give_is_an_error_of_its_input) {
  const FakeFfmpeg fake("pipe:1", "head -c 100000 /dev/zero; exit 0");
  LookingPass pass;
  const auto run = run_task(task_of({pose_clip()}, 4), pass);
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_THAT(run->inputs[0].error, HasSubstr("no NUT stream"));
}

TEST(VideoFaults, outputs_that_cannot_be_written_are_refused_before_anything_runs) {
  const TemporaryFolder folder;
  Task task = task_of({pose_clip()}, 4);
  task.outputs = {folder / "no such folder" / "out.mp4"};
  EXPECT_THAT(refusal(task), HasSubstr("cannot write"));
  task.outputs = {};
  task.json = folder / "no such folder" / "poses.jsonl";
  EXPECT_THAT(refusal(task), HasSubstr("cannot write"));
  task.json = {};
  task.outputs = {pose_clip()};
  EXPECT_THAT(refusal(task), HasSubstr("is an input too"));
}

TEST(VideoFaults, an_output_of_a_kind_that_ffmpeg_does_not_know_is_a_clear_error) {
  const TemporaryFolder folder;
  Task task = task_of({pose_clip()}, 4);
  task.outputs = {folder / "out.unknown"};
  LookingPass pass;
  const auto run = run_task(task, pass);
  ASSERT_FALSE(run);
  EXPECT_THAT(run.error().text(), HasSubstr("out.unknown"));
}

TEST(VideoFaults, without_ffmpeg_it_says_how_to_get_one) {
  ::setenv("BATCHFIT_FFMPEG", "/no/such/ffmpeg", 1);
  const std::string said = refusal(task_of({pose_clip()}, 1));
  ::unsetenv("BATCHFIT_FFMPEG");
  EXPECT_THAT(said, HasSubstr("/no/such/ffmpeg"));
  EXPECT_THAT(said, HasSubstr("imageio-ffmpeg"));
}

}  // namespace
}  // namespace batchfit::video
