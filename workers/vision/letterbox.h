#pragma once

#include <cstdint>

#include "vision/box.h"

namespace batchfit::vision {

struct ImageSize {
  std::int64_t width = 0, height = 0;
  bool operator==(const ImageSize&) const = default;
};

/// How an image lies in a network's input: scaled with its aspect kept, in the middle, the rest padded.
struct Letterbox {
  ImageSize image;        ///< before
  ImageSize scaled;       ///< what it takes of the input
  std::int64_t left = 0;  ///< columns of padding before it; as many follow, or one more
  std::int64_t top = 0;
  double scale = 1;  ///< pixels of the input a pixel of the image

  // From the input's pixels to the image's; what lies outside the image is moved to its edge.
  Point to_image(Point point) const;
  Box to_image(const Box& box) const;
};

/// The largest that fits. Both sizes are at least 1 x 1.
Letterbox letterbox(ImageSize image, ImageSize input);

}  // namespace batchfit::vision
