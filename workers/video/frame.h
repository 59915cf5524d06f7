#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/units.h"
#include "video/probe.h"
#include "vision/poses.h"

namespace batchfit::video {

using Clock = std::chrono::steady_clock;

/// Bytes of a picture as 8-bit planes: luma, then the two colour differences at half the width and height,
/// rounded up; row after row without gaps.
constexpr std::size_t picture_bytes(vision::ImageSize size) {
  const auto pixels = static_cast<std::size_t>(size.width * size.height);
  return pixels + 2 * static_cast<std::size_t>((size.width + 1) / 2 * ((size.height + 1) / 2));
}

/// Pixels that lie elsewhere, as picture_bytes has them; values from 16 to 235.
struct Picture {
  std::span<std::byte> planes;
  vision::ImageSize size;
  Colours colours = Colours::bt601;
};

/// One frame on its way from its decoder to what is written of it.
struct Frame {
  std::size_t input = 0;          ///< number of the file it is from
  std::int64_t number = 0;        ///< in that file, from 0
  Seconds time = 0;               ///< when it is shown; the file begins at 0
  std::vector<std::byte> before;  ///< of its decoder's stream, for the encoder
  std::shared_ptr<std::byte> memory;
  Picture picture;

  std::vector<float> rows;  ///< candidates, as vision::poses_in takes them
  std::vector<vision::Pose> poses;
  std::string line;                 ///< of JSON, where it is wanted
  std::atomic<bool> ready = false;  ///< poses, line and picture are as they are to be written

  Clock::time_point decoded, inferred, finished;
};

}  // namespace batchfit::video
