#include "video/probe.h"

#include <gmock/gmock.h>

namespace batchfit::video {
namespace {

using testing::HasSubstr;

std::string said(const std::string& stream) {
  return "Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'a.mp4':\n"
         "  Metadata:\n"
         "    title           : Stream #0:9: Video: h264, yuv420p, 1x1, 1 fps, 1 tbn\n"
         "  Duration: 00:01:02.50, start: 0.000000, bitrate: 133 kb/s\n" +
         stream + "At least one output file must be specified\n";
}

TEST(Probe, size_rate_time_base_and_colours_are_read) {
  const auto info = parse_probe(
      said(
          "  Stream #0:0[0x1](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709, progressive), "
          "1920x1080 [SAR 1:1 DAR 16:9], 129 kb/s, 29.97 fps, 29.97 tbr, 30k tbn (default)\n"),
      "a.mp4");
  ASSERT_TRUE(info) << info.error().text();
  EXPECT_EQ(info->size, (vision::ImageSize{1920, 1080}));
  EXPECT_EQ(info->colours, Colours::bt709);
  EXPECT_FALSE(info->full_range);
  EXPECT_EQ(info->ticks, 30000);
  EXPECT_DOUBLE_EQ(*info->frames_per_second, 29.97);
  EXPECT_DOUBLE_EQ(*info->duration, 62.5);
  EXPECT_EQ(info->frames(), 1873);
}

TEST(Probe, a_picture_without_a_label_has_the_colours_of_its_size) {
  const auto small = parse_probe(said("  Stream #0:0: Video: vp9, yuv420p, 640x480, 25 tbr, 1k tbn\n"), "a");
  const auto large = parse_probe(said("  Stream #0:0: Video: vp9, yuv420p, 1280x720, 25 tbr, 1k tbn\n"), "a");
  ASSERT_TRUE(small && large);
  EXPECT_EQ(small->colours, Colours::bt601);
  EXPECT_EQ(large->colours, Colours::bt709);
  EXPECT_FALSE(small->frames_per_second);
}

TEST(Probe, full_range_is_told_by_format_or_label) {
  const auto format = parse_probe(
      said("  Stream #0:0: Video: mjpeg, yuvj420p(pc, bt470bg/unknown/unknown), 64x48, 25 fps\n"), "a");
  const auto label = parse_probe(said("  Stream #0:0: Video: h264, yuv420p(pc), 1920x1080, 25 fps\n"), "a");
  ASSERT_TRUE(format && label);
  EXPECT_TRUE(format->full_range);
  EXPECT_TRUE(label->full_range);
}

TEST(Probe, a_picture_that_lies_on_its_side_is_turned) {
  const std::string stream =
      "  Stream #0:0: Video: h264, yuv420p, 640x480, 25 fps, 12800 tbn\n    Side data:\n";
  for (const std::string name : {"displaymatrix", "Display Matrix"}) {  // of older and newer versions
    const auto turned = parse_probe(said(stream + "      " + name + ": rotation of -90.00 degrees\n"), "a");
    const auto upside_down =
        parse_probe(said(stream + "      " + name + ": rotation of 180.00 degrees\n"), "a");
    ASSERT_TRUE(turned && upside_down);
    EXPECT_EQ(turned->size, (vision::ImageSize{480, 640}));
    EXPECT_EQ(upside_down->size, (vision::ImageSize{640, 480}));
  }
}

TEST(Probe, a_cover_is_no_video_and_the_first_stream_of_pictures_counts) {
  const std::string cover = "  Stream #0:0: Video: png, rgb24(pc), 500x500, 90k tbn (attached pic)\n";
  const auto only = parse_probe(said(cover), "song.mp3");
  ASSERT_FALSE(only);
  EXPECT_THAT(only.error().text(), HasSubstr("song.mp3 has no video stream"));
  const auto behind =
      parse_probe(said(cover + "  Stream #0:1: Video: h264, yuv420p, 64x48, 25 fps, 90k tbn\n"
                               "  Stream #0:2: Video: h264, yuv420p, 32x24, 25 fps, 90k tbn\n"),
                  "a");
  ASSERT_TRUE(behind);
  EXPECT_EQ(behind->size, (vision::ImageSize{64, 48}));
}

TEST(Probe, numbers_that_no_video_has_are_unknown) {
  const std::string huge(400, '9');
  const auto info = parse_probe("Input #0, x, from 'a':\n  Duration: " + huge +
                                    ":00:00.00,\n  Stream #0:0: Video: x, yuv420p, 64x48, " + huge +
                                    " fps, . tbn\n      displaymatrix: rotation of -. degrees\n",
                                "a");
  ASSERT_TRUE(info);
  EXPECT_FALSE(info->frames());
  EXPECT_FALSE(info->ticks);
}

TEST(Probe, a_file_that_is_none_is_told_in_ffmpegs_words) {
  const auto info = parse_probe("a.mp4: Invalid data found when processing input\n", "a.mp4");
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().kind, ErrorKind::usage);
  EXPECT_THAT(info.error().text(), HasSubstr("Invalid data found"));
}

}  // namespace
}  // namespace batchfit::video
