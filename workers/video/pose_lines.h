#pragma once

#include <span>
#include <string>

#include "video/frame.h"

namespace batchfit::video {

/// A frame's poses as one line of JSON, with its \n (docs/video.md).
std::string pose_line(const Frame& frame);

}  // namespace batchfit::video
