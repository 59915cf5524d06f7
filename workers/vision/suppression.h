#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vision/box.h"

namespace batchfit::vision {

struct ScoredBox {
  Box box;
  float score = 0;
  std::int64_t category = 0;
};

struct SuppressionRule {
  double overlap = 0.7;         ///< a box goes where its overlap with a better one is above this
  bool across_classes = false;  ///< boxes of other classes make it go too
  std::size_t most = 300;       ///< boxes kept
};

/// Area of the intersection over that of the union; 0 where both are empty. Within [0, 1].
double overlap(const Box& a, const Box& b);

/// Non-maximum suppression: from the best score to the worst, a box is kept unless it overlaps one that was
/// kept. Gives the indices of the kept ones, best first; of equal scores the earlier one is the better. Boxes
/// with a score or an edge that is not finite are left out.
std::vector<std::size_t> suppress(std::span<const ScoredBox> boxes, const SuppressionRule& rule);

}  // namespace batchfit::vision
