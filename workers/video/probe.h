#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/units.h"
#include "vision/letterbox.h"

namespace batchfit::video {

/// How a picture's luma and colour differences make red, green and blue.
enum class Colours { bt601, bt709 };

/// What is known of a file's first video stream before it is decoded.
struct VideoInfo {
  vision::ImageSize size;  ///< as shown: after the rotation that its metadata asks for
  Colours colours = Colours::bt601;
  bool full_range = false;                  ///< values from 0 to 255, not 16 to 235
  std::optional<std::int64_t> ticks;        ///< of its time stamps, a second
  std::optional<double> frames_per_second;  ///< as a rule; the time between frames may vary
  std::optional<Seconds> duration;

  /// How many frames there may be.
  std::optional<std::int64_t> frames() const;
};

/// Reads what `ffmpeg -i PATH` says of a file. usage error where there is no video in it, or where it is no
/// media file.
Result<VideoInfo> parse_probe(const std::string& said, const std::string& path);

/// Asks ffmpeg.
Result<VideoInfo> probe(const std::string& ffmpeg, const std::string& path);

}  // namespace batchfit::video
