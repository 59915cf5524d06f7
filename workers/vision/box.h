#pragma once

namespace batchfit::vision {

/// In pixels; right and bottom are where it ends.
struct Box {
  float left = 0, top = 0, right = 0, bottom = 0;
  bool operator==(const Box&) const = default;
};

struct Point {
  float x = 0, y = 0;
  bool operator==(const Point&) const = default;
};

}  // namespace batchfit::vision
