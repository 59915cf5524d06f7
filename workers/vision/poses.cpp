#include "vision/poses.h"

#include <algorithm>

namespace batchfit::vision {
namespace {

ScoredBox scored_box(std::span<const float> row, const PoseRow& layout) {
  const auto scores = row.subspan(4, static_cast<std::size_t>(layout.classes));
  const auto best = std::max_element(scores.begin(), scores.end());
  const float half_width = row[2] / 2, half_height = row[3] / 2;
  return {{row[0] - half_width, row[1] - half_height, row[0] + half_width, row[1] + half_height},
          *best,
          best - scores.begin()};
}

std::vector<KeyPoint> points_of(std::span<const float> row, const PoseRow& layout,
                                const Letterbox& letterbox) {
  std::vector<KeyPoint> points;
  const auto values = static_cast<std::size_t>(layout.values);
  for (std::size_t at = 4 + static_cast<std::size_t>(layout.classes); at < layout.size(); at += values) {
    KeyPoint point{letterbox.to_image(Point{row[at], row[at + 1]}), std::nullopt};
    if (values > 2) point.visibility = row[at + 2];
    points.push_back(point);
  }
  return points;
}

}  // namespace

std::vector<Pose> poses_in(std::span<const float> rows, const PoseRow& row, const PoseRule& rule,
                           const Letterbox& letterbox) {
  std::vector<ScoredBox> boxes;
  std::vector<std::size_t> starts;
  for (std::size_t start = 0; start + row.size() <= rows.size(); start += row.size()) {
    const ScoredBox box = scored_box(rows.subspan(start, row.size()), row);
    if (!(box.score > rule.confidence)) continue;
    boxes.push_back(box);
    starts.push_back(start);
  }
  std::vector<Pose> poses;
  for (const std::size_t kept : suppress(boxes, rule.suppression)) {
    const ScoredBox& box = boxes[kept];
    poses.push_back({letterbox.to_image(box.box), box.score, box.category,
                     points_of(rows.subspan(starts[kept], row.size()), row, letterbox)});
  }
  return poses;
}

}  // namespace batchfit::vision
