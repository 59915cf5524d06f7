#include "vision/letterbox.h"

#include <algorithm>
#include <cmath>

namespace batchfit::vision {
namespace {

/// NaN becomes 0.
float clamped(double value, std::int64_t most) {
  return static_cast<float>(std::isnan(value) ? 0.0 : std::clamp(value, 0.0, static_cast<double>(most)));
}

}  // namespace

Letterbox letterbox(ImageSize image, ImageSize input) {
  Letterbox out;
  out.image = image;
  out.scale = std::min(static_cast<double>(input.width) / static_cast<double>(image.width),
                       static_cast<double>(input.height) / static_cast<double>(image.height));
  // A very flat image keeps one row.
  const auto side = [&](std::int64_t pixels, std::int64_t most) {
    return std::clamp<std::int64_t>(std::llround(static_cast<double>(pixels) * out.scale), 1, most);
  };
  out.scaled = {side(image.width, input.width), side(image.height, input.height)};
  out.left = (input.width - out.scaled.width) / 2;
  out.top = (input.height - out.scaled.height) / 2;
  return out;
}

Point Letterbox::to_image(Point point) const {
  return {clamped((static_cast<double>(point.x) - static_cast<double>(left)) / scale, image.width),
          clamped((static_cast<double>(point.y) - static_cast<double>(top)) / scale, image.height)};
}

Box Letterbox::to_image(const Box& box) const {
  const Point begin = to_image(Point{box.left, box.top}), end = to_image(Point{box.right, box.bottom});
  return {begin.x, begin.y, end.x, end.y};
}

}  // namespace batchfit::vision
