#pragma once

#include <span>

#include "video/frame.h"

namespace batchfit::video {

/// Draws the poses' boxes, limbs and key points into the picture's planes, with smooth edges. Limbs are drawn
/// where there are the 17 key points of COCO; key points that are seen with less than 0.5 are left out, and
/// limbs to them.
void draw_poses(const Picture& picture, std::span<const vision::Pose> poses);

}  // namespace batchfit::video
