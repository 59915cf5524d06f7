#include <gmock/gmock.h>

#include "facts/video.h"

namespace batchfit {
namespace {

/// 100 frames in passes of 10: decoding takes 2 ms of a frame, the device 1 + 3 ms, what follows 8 ms of two
/// threads.
VideoRun sample() {
  VideoRun run;
  run.batch = 10;
  run.frames = 100;
  run.passes = 10;
  run.seconds = 1.0;
  run.first = 0.1;
  run.stages = {{"decode", 0.2, 1, std::nullopt},  {"feed", 0.9, 1, 0.5},
                {"prepare", 0.1, 1, std::nullopt}, {"infer", 0.3, 1, std::nullopt},
                {"post", 0.4, 2, std::nullopt},    {"draw", 0.4, 2, std::nullopt}};
  run.inputs = {{"a.mp4", 640, 480, 25.0, 100, ""}};
  return run;
}

VideoRun at(Batch batch, double rate) {
  VideoRun run;
  run.batch = batch;
  run.frames = 10;
  run.seconds = 10 / rate;
  run.first = run.seconds;
  return run;
}

TEST(VideoFigures, stages_that_share_a_resource_add_up_and_the_slowest_resource_limits) {
  const auto slowest = slowest_resource(sample());
  EXPECT_EQ(slowest.name, "device");
  EXPECT_NEAR(slowest.per_frame, 0.004, 1e-12);
  std::vector<std::string> names;
  for (const VideoResource& resource : video_resources(sample())) names.push_back(resource.name);
  EXPECT_THAT(names, testing::ElementsAre("decoding", "device", "post-processing"));
}

TEST(VideoFigures, the_steady_rate_leaves_the_first_pass_out) {
  EXPECT_DOUBLE_EQ(sample().frames_per_second(), 100);
  EXPECT_DOUBLE_EQ(sample().steady_frames_per_second(), 100);
  VideoRun slow_start = sample();
  slow_start.first = 0.55;
  EXPECT_DOUBLE_EQ(slow_start.steady_frames_per_second(), 200);
  slow_start.batch = 60;  // too little comes after it
  EXPECT_DOUBLE_EQ(slow_start.steady_frames_per_second(), 100);
}

TEST(VideoFigures, of_near_ties_the_first_is_the_fastest) {
  const std::vector<VideoRun> runs{at(1, 50), at(4, 98), at(8, 100), at(16, 90)};
  EXPECT_EQ(fastest(runs)->batch, 4);
  EXPECT_EQ(fastest({}), nullptr);
}

TEST(VideoFigures, live_streams_are_what_the_slowest_carries_and_a_frame_waits_for_its_batch) {
  const LiveFigures live = live_figures(sample(), 25);
  EXPECT_EQ(live.streams, 10);  // 250 frames/s
  EXPECT_NEAR(live.latency_of_one, 9 / 25.0 + 0.04 + 0.004, 1e-9);
  EXPECT_NEAR(*live.latency, 9 / 250.0 + 0.04 + 0.004, 1e-9);
  EXPECT_FALSE(live_figures(sample(), 300).latency);
}

TEST(VideoFigures, a_run_reads_back_from_its_json_as_it_was) {
  VideoRun run = sample();
  run.latency_median = 0.25;
  run.inputs.push_back({"b.mp4", 1, 2, std::nullopt, 3, "broke off"});
  run.files = {"out.mp4"};
  run.notes = {"a note"};
  run.stopped = true;
  const auto read = video_run_from_json(to_json(run));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read, run);
}

TEST(VideoFigures, json_of_another_shape_is_refused) {
  Json json = to_json(sample());
  json["stages"][0]["threads"] = 0;
  EXPECT_FALSE(video_run_from_json(json));
  EXPECT_FALSE(video_run_from_json(Json::array()));
}

}  // namespace
}  // namespace batchfit
