#include "vision/suppression.h"

#include <algorithm>
#include <cmath>

namespace batchfit::vision {
namespace {

double area(const Box& box) {
  const double width = std::max(0.0, static_cast<double>(box.right) - static_cast<double>(box.left));
  return width * std::max(0.0, static_cast<double>(box.bottom) - static_cast<double>(box.top));
}

bool is_finite(const ScoredBox& scored) {
  const Box& box = scored.box;
  return std::isfinite(scored.score) && std::isfinite(box.left) && std::isfinite(box.top) &&
         std::isfinite(box.right) && std::isfinite(box.bottom);
}

}  // namespace

double overlap(const Box& a, const Box& b) {
  const Box shared{std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
                   std::min(a.bottom, b.bottom)};
  const double both = area(shared), either = area(a) + area(b) - both;
  return either > 0 ? both / either : 0;
}

std::vector<std::size_t> suppress(std::span<const ScoredBox> boxes, const SuppressionRule& rule) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    if (is_finite(boxes[i])) order.push_back(i);
  }
  const auto better = [&](std::size_t a, std::size_t b) { return boxes[a].score > boxes[b].score; };
  std::stable_sort(order.begin(), order.end(), better);
  std::vector<std::size_t> kept;
  for (const std::size_t candidate : order) {
    if (kept.size() == rule.most) break;
    const auto covers = [&](std::size_t other) {
      return (rule.across_classes || boxes[other].category == boxes[candidate].category) &&
             overlap(boxes[other].box, boxes[candidate].box) > rule.overlap;
    };
    if (std::none_of(kept.begin(), kept.end(), covers)) kept.push_back(candidate);
  }
  return kept;
}

}  // namespace batchfit::vision
