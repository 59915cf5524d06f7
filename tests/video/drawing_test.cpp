#include "video/drawing.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "video/pose_lines.h"

namespace batchfit::video {
namespace {

/// A grey picture with nothing on it.
class Canvas {
 public:
  explicit Canvas(vision::ImageSize size) : size_(size), bytes_(picture_bytes(size), std::byte{100}) {}

  Picture picture() { return {bytes_, size_, Colours::bt709}; }
  int luma(std::int64_t x, std::int64_t y) const {
    return std::to_integer<int>(bytes_.at(static_cast<std::size_t>(y * size_.width + x)));
  }
  bool is_untouched() const {
    return std::all_of(bytes_.begin(), bytes_.end(), [](std::byte b) { return b == std::byte{100}; });
  }
  std::size_t changed_below(std::size_t begin) const {
    return static_cast<std::size_t>(std::count_if(bytes_.begin() + static_cast<std::ptrdiff_t>(begin),
                                                  bytes_.end(),
                                                  [](std::byte b) { return b != std::byte{100}; }));
  }

 private:
  vision::ImageSize size_;
  std::vector<std::byte> bytes_;
};

vision::Pose pose_of(const vision::Box& box, std::size_t points, std::optional<float> visibility) {
  vision::Pose pose;
  pose.box = box;
  pose.score = 0.5F;
  const vision::Point middle{(box.left + box.right) / 2, (box.top + box.bottom) / 2};
  pose.points.assign(points, {middle, visibility});
  return pose;
}

TEST(Drawing, a_box_and_its_key_points_are_drawn_and_the_rest_stays) {
  Canvas canvas({100, 80});
  const std::vector poses{pose_of({20, 10, 60, 50}, 17, 0.9F)};
  draw_poses(canvas.picture(), poses);
  EXPECT_NE(canvas.luma(20, 30), 100);           // the box's left edge
  EXPECT_GT(canvas.luma(40, 30), 200);           // a key point, white
  EXPECT_EQ(canvas.luma(30, 20), 100);           // within the box
  EXPECT_EQ(canvas.luma(90, 70), 100);           // far away
  EXPECT_GT(canvas.changed_below(100 * 80), 0);  // colour differences too
}

TEST(Drawing, points_that_are_not_seen_are_left_out) {
  Canvas seen({100, 80}), unseen({100, 80});
  draw_poses(seen.picture(), std::vector{pose_of({20, 10, 60, 50}, 17, 0.5F)});
  draw_poses(unseen.picture(), std::vector{pose_of({20, 10, 60, 50}, 17, 0.4F)});
  EXPECT_NE(seen.luma(40, 30), 100);
  EXPECT_EQ(unseen.luma(40, 30), 100);
}

TEST(Drawing, without_poses_nothing_changes) {
  Canvas canvas({31, 17});
  draw_poses(canvas.picture(), {});
  EXPECT_TRUE(canvas.is_untouched());
}

TEST(Drawing, a_pose_at_the_very_edge_of_an_odd_picture_stays_within_it) {
  Canvas canvas({31, 17});
  draw_poses(canvas.picture(), std::vector{pose_of({0, 0, 31, 17}, 17, 1.0F)});
  EXPECT_NE(canvas.luma(0, 8), 100);
  EXPECT_NE(canvas.luma(30, 8), 100);
}

TEST(PoseLine, it_is_one_object_a_line_and_unknown_visibility_is_left_out) {
  Frame frame;
  frame.input = 1;
  frame.number = 17;
  frame.time = 0.68;
  frame.poses = {pose_of({1, 2, 3, 4}, 1, std::nullopt)};
  EXPECT_EQ(
      pose_line(frame),
      "{\"input\":1,\"frame\":17,\"time_s\":0.68,\"poses\":[{\"box\":[1.00,2.00,3.00,4.00],\"score\":0.5000,"
      "\"class\":0,\"keypoints\":[[2.00,3.00]]}]}\n");
}

}  // namespace
}  // namespace batchfit::video
