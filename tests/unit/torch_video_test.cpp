// Decoded pictures as a network sees them, and the passes of a pose model over them.
#include <ATen/ops/allclose.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cpu_pose_pass.h"
#include "letterboxing.h"

namespace batchfit {
namespace {

/// A picture of one colour, given by its planes' values.
class Plain {
 public:
  Plain(vision::ImageSize size, video::Colours colours, int luma, int blue, int red)
      : size_(size), colours_(colours), bytes_(video::picture_bytes(size), static_cast<std::byte>(luma)) {
    const std::size_t pixels = static_cast<std::size_t>(size.width * size.height);
    const std::size_t half = (bytes_.size() - pixels) / 2;
    std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(pixels), half, static_cast<std::byte>(blue));
    std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(pixels + half), half,
                static_cast<std::byte>(red));
  }

  video::Picture picture() { return {bytes_, size_, colours_}; }
  std::byte& luma(std::int64_t x, std::int64_t y) {
    return bytes_.at(static_cast<std::size_t>(y * size_.width + x));
  }

  /// The network's input of rows x columns.
  at::Tensor letterboxed(std::int64_t rows, std::int64_t columns) {
    at::Tensor item = at::zeros({3, rows, columns});
    const auto bytes = static_cast<std::int64_t>(bytes_.size());
    Letterboxing(at::kCPU).write(picture(), at::from_blob(bytes_.data(), {bytes}, at::kByte), item);
    return item;
  }

 private:
  vision::ImageSize size_;
  video::Colours colours_;
  std::vector<std::byte> bytes_;
};

void expect_colour(const at::Tensor& item, std::int64_t row, std::int64_t column, double red, double green,
                   double blue) {
  EXPECT_NEAR(item[0][row][column].item<double>(), red, 0.01);
  EXPECT_NEAR(item[1][row][column].item<double>(), green, 0.01);
  EXPECT_NEAR(item[2][row][column].item<double>(), blue, 0.01);
}

TEST(Letterboxing, colours_are_those_of_the_stream_and_the_rest_is_grey) {
  // Pure red, as each standard writes it.
  Plain sd({64, 48}, video::Colours::bt601, 81, 90, 240), hd({64, 48}, video::Colours::bt709, 63, 102, 240);
  for (Plain* red : {&sd, &hd}) {
    const at::Tensor item = red->letterboxed(32, 32);
    expect_colour(item, 16, 16, 1, 0, 0);
    expect_colour(item, 4, 0, 1, 0, 0);  // 64 x 48 is 32 x 24 of it, from row 4 on
    expect_colour(item, 27, 31, 1, 0, 0);
    for (const std::int64_t row : {0, 3, 28, 31})
      expect_colour(item, row, 16, 114 / 255.0, 114 / 255.0, 114 / 255.0);
  }
}

TEST(Letterboxing, black_and_white_are_the_ends_and_what_lies_beyond_is_cut) {
  expect_colour(Plain({16, 16}, video::Colours::bt709, 16, 128, 128).letterboxed(32, 32), 5, 5, 0, 0, 0);
  expect_colour(Plain({16, 16}, video::Colours::bt709, 235, 128, 128).letterboxed(32, 32), 5, 5, 1, 1, 1);
  expect_colour(Plain({16, 16}, video::Colours::bt709, 255, 128, 128).letterboxed(32, 32), 5, 5, 1, 1, 1);
}

TEST(Letterboxing, a_point_lies_where_vision_letterbox_has_it) {
  Plain picture({97, 33}, video::Colours::bt601, 16, 128, 128);  // odd sides
  for (std::int64_t y = 20; y < 26; ++y) {
    for (std::int64_t x = 70; x < 76; ++x) picture.luma(x, y) = std::byte{235};
  }
  const at::Tensor bright = picture.letterboxed(64, 64)[0];
  const vision::Letterbox box = vision::letterbox({97, 33}, {64, 64});
  double weight = 0, x = 0, y = 0;
  for (std::int64_t row = box.top; row < box.top + box.scaled.height; ++row) {
    for (std::int64_t column = 0; column < 64; ++column) {
      const double value = bright[row][column].item<double>();
      weight += value;
      x += value * (static_cast<double>(column) + 0.5);
      y += value * (static_cast<double>(row) + 0.5);
    }
  }
  const vision::Point middle =
      box.to_image(vision::Point{static_cast<float>(x / weight), static_cast<float>(y / weight)});
  EXPECT_NEAR(middle.x, 73, 1);
  EXPECT_NEAR(middle.y, 23, 1);
}

TEST(CpuPosePass, each_batch_gives_the_rows_of_its_own_pictures) {
  const c10::InferenceMode no_gradients;
  LoadRequest request;
  request.model = "yolo11n-pose";
  request.shape["image_size"] = 64;
  const auto loaded = build_model(request, at::kCPU);
  ASSERT_TRUE(loaded);
  const auto pass = cpu_pose_pass(*loaded, 3, /*confidence=*/0);
  Plain dark({64, 64}, video::Colours::bt601, 16, 128, 128),
      bright({64, 64}, video::Colours::bt601, 235, 90, 200);
  pass->add(dark.picture());
  pass->add(bright.picture());
  pass->start();
  pass->add(bright.picture());
  pass->start();
  const auto two = pass->finish(), one = pass->finish();
  ASSERT_EQ(two.size(), 2U);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].size(), 84 * 56U);  // 64 + 16 + 4 anchors
  ASSERT_EQ(two[1].size(), one[0].size());
  EXPECT_NE(two[0], two[1]);
  for (std::size_t i = 0; i < one[0].size(); ++i) ASSERT_NEAR(two[1][i], one[0][i], 1e-2) << i;
}

}  // namespace
}  // namespace batchfit
