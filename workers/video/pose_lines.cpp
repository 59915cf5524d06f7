#include "video/pose_lines.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace batchfit::video {
namespace {

void add(std::string& line, const vision::Pose& pose) {
  const vision::Box& box = pose.box;
  fmt::format_to(std::back_inserter(line),
                 R"({{"box":[{:.2f},{:.2f},{:.2f},{:.2f}],"score":{:.4f},"class":{},"keypoints":[)", box.left,
                 box.top, box.right, box.bottom, pose.score, pose.category);
  for (const vision::KeyPoint& point : pose.points) {
    if (&point != &pose.points.front()) line += ',';
    fmt::format_to(std::back_inserter(line), "[{:.2f},{:.2f}", point.at.x, point.at.y);
    // JSON has no number for what half precision may overflow to.
    if (point.visibility && std::isfinite(*point.visibility)) {
      fmt::format_to(std::back_inserter(line), ",{:.4f}", *point.visibility);
    }
    line += ']';
  }
  line += "]}";
}

}  // namespace

std::string pose_line(const Frame& frame) {
  std::string line =
      fmt::format(R"({{"input":{},"frame":{},"time_s":{},"poses":[)", frame.input, frame.number, frame.time);
  for (const vision::Pose& pose : frame.poses) {
    if (&pose != &frame.poses.front()) line += ',';
    add(line, pose);
  }
  return line + "]}\n";
}

}  // namespace batchfit::video
