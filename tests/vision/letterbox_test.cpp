#include "vision/letterbox.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace batchfit::vision {
namespace {

TEST(Letterbox, keeps_the_aspect_and_stands_in_the_middle) {
  const Letterbox wide = letterbox({1920, 1080}, {640, 640});
  EXPECT_EQ(wide.scaled, (ImageSize{640, 360}));
  EXPECT_EQ(wide.left, 0);
  EXPECT_EQ(wide.top, 140);
  const Letterbox tall = letterbox({90, 160}, {320, 320});
  EXPECT_EQ(tall.scaled, (ImageSize{180, 320}));
  EXPECT_EQ(tall.left, 70);
  EXPECT_EQ(tall.top, 0);
  EXPECT_EQ(letterbox({640, 640}, {640, 640}).scaled, (ImageSize{640, 640}));
}

TEST(Letterbox, odd_flat_and_huge_images_fit_too) {
  for (const ImageSize image : {ImageSize{1, 1}, {641, 479}, {7680, 4320}, {5000, 1}, {1, 5000}, {33, 31}}) {
    const Letterbox box = letterbox(image, {640, 384});
    EXPECT_GE(box.scaled.width, 1);
    EXPECT_GE(box.scaled.height, 1);
    EXPECT_LE(box.left + box.scaled.width, 640);
    EXPECT_LE(box.top + box.scaled.height, 384);
  }
}

TEST(Letterbox, points_come_back_to_where_they_were_in_the_image) {
  for (const ImageSize image : {ImageSize{1920, 1080}, {641, 479}, {90, 160}}) {
    const Letterbox box = letterbox(image, {640, 640});
    for (const Point point : {Point{0, 0}, {17.5F, 42.25F}, {89, 150}}) {
      const Point in_input{static_cast<float>(point.x * box.scale + static_cast<double>(box.left)),
                           static_cast<float>(point.y * box.scale + static_cast<double>(box.top))};
      EXPECT_NEAR(box.to_image(in_input).x, point.x, 1e-3);
      EXPECT_NEAR(box.to_image(in_input).y, point.y, 1e-3);
    }
  }
}

TEST(Letterbox, what_lies_in_the_padding_is_moved_to_the_edge) {
  const Letterbox box = letterbox({1920, 1080}, {640, 640});
  EXPECT_EQ(box.to_image(Point{-5, 0}), (Point{0, 0}));
  EXPECT_EQ(box.to_image(Point{900, 639}), (Point{1920, 1080}));
  EXPECT_EQ(box.to_image(Box{-5, 0, 900, 639}), (Box{0, 0, 1920, 1080}));
  EXPECT_EQ(box.to_image(Point{std::numeric_limits<float>::quiet_NaN(), 140}), (Point{0, 0}));
}

}  // namespace
}  // namespace batchfit::vision
