#include "vision/poses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batchfit::vision {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const Letterbox same = letterbox({640, 640}, {640, 640});

TEST(Poses, no_rows_and_rows_below_the_confidence_give_none) {
  const PoseRow row{1, 1, 3};
  EXPECT_THAT(poses_in({}, row, {}, same), IsEmpty());
  const std::vector<float> weak{100, 100, 20, 20, 0.25F, 90, 95, 0.5F};
  EXPECT_THAT(poses_in(weak, row, {}, same), IsEmpty());
  EXPECT_THAT(poses_in(std::span(weak).first(7), row, {}, same), IsEmpty());
}

TEST(Poses, one_comes_with_its_class_its_box_and_its_key_points_in_the_images_pixels) {
  const PoseRow row{3, 2, 3};
  const std::vector<float> rows{320, 320, 100, 40, 0.1F, 0.8F, 0.3F, 300, 310, 0.9F, 340, 330, 0.2F};
  const auto poses = poses_in(rows, row, {}, letterbox({1280, 720}, {640, 640}));
  ASSERT_THAT(poses, SizeIs(1));
  EXPECT_EQ(poses[0].category, 1);
  EXPECT_FLOAT_EQ(poses[0].score, 0.8F);
  EXPECT_EQ(poses[0].box, (Box{540, 320, 740, 400}));
  ASSERT_THAT(poses[0].points, SizeIs(2));
  EXPECT_EQ(poses[0].points[0].at, (Point{600, 340}));
  EXPECT_FLOAT_EQ(*poses[0].points[0].visibility, 0.9F);
  EXPECT_EQ(poses[0].points[1].at, (Point{680, 380}));
}

TEST(Poses, key_points_of_two_values_have_no_visibility) {
  const std::vector<float> rows{320, 320, 100, 40, 0.8F, 300, 310, 340, 330};
  const auto poses = poses_in(rows, {1, 2, 2}, {}, same);
  ASSERT_THAT(poses, SizeIs(1));
  EXPECT_EQ(poses[0].points[1].at, (Point{340, 330}));
  EXPECT_FALSE(poses[0].points[1].visibility);
}

TEST(Poses, of_thousands_that_overlap_the_best_is_kept_with_its_own_key_points) {
  const PoseRow row{1, 1, 3};
  std::vector<float> rows;
  for (int i = 0; i < 8400; ++i) {
    const auto index = static_cast<float>(i);
    const float score = i == 4321 ? 0.95F : 0.3F + index * 1e-5F;
    rows.insert(rows.end(), {320, 320, 100, 100, score, index / 20, 7, 1});
  }
  const auto poses = poses_in(rows, row, {}, same);
  ASSERT_THAT(poses, SizeIs(1));
  EXPECT_FLOAT_EQ(poses[0].points[0].at.x, 4321.0F / 20);
}

}  // namespace
}  // namespace batchfit::vision
