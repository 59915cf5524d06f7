#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "vision/letterbox.h"
#include "vision/suppression.h"

namespace batchfit::vision {

/// What one anchor's values are: box centre x and y, width and height in the input's pixels, a score of each
/// class, then of each key point x, y and, where there are three values, its visibility.
struct PoseRow {
  std::int64_t classes = 1;
  std::int64_t points = 17;
  std::int64_t values = 3;  ///< of a key point: 2 or 3
  std::size_t size() const { return static_cast<std::size_t>(4 + classes + points * values); }
};

struct KeyPoint {
  Point at;
  std::optional<float> visibility;  ///< 0 to 1, where the model tells it
};

/// One that was found, in the image's own pixels.
struct Pose {
  Box box;
  float score = 0;
  std::int64_t category = 0;
  std::vector<KeyPoint> points;
};

struct PoseRule {
  float confidence = 0.25F;  ///< boxes whose best class scores no more are left out
  SuppressionRule suppression;
};

/// The poses in the rows of one image, one row after the other, best first. What is left over after the last
/// whole row is passed over.
std::vector<Pose> poses_in(std::span<const float> rows, const PoseRow& row, const PoseRule& rule,
                           const Letterbox& letterbox);

}  // namespace batchfit::vision
