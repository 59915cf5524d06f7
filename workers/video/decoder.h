#pragma once

#include <optional>
#include <string>

#include "video/child.h"
#include "video/nut.h"
#include "video/probe.h"

namespace batchfit::video {

/// The frames of one file, decoded by ffmpeg in a process of its own: all of them, in the order in which they
/// are shown, with their own time stamps. A rotation that the file asks for is carried out; where the size
/// changes midway, later frames are scaled to the first size; values from 0 to 255 become 16 to 235.
class Decoder {
 public:
  static Result<Decoder> start(const std::string& ffmpeg, const std::string& path, const VideoInfo& info);

  /// The next frame into `pixels`, which holds picture_bytes of the file's size; nullopt where there are no
  /// more. runtime error where the decoder failed or broke off.
  Result<std::optional<NutFrame>> next(std::span<std::byte> pixels);

  /// Of a frame that next() gave.
  Seconds time_of(const NutFrame& frame) const {
    return static_cast<double>(frame.ticks) * static_cast<double>(header_.tick_numerator) /
           static_cast<double>(header_.tick_denominator);
  }

  /// Ends it early; may be called from another thread.
  void stop() { child_->kill(); }

  /// What it complained of, once it has ended: "" where it did not.
  std::string complaints() const { return child_->last_words(); }

 private:
  Decoder(std::string path, vision::ImageSize size, Child child);

  std::string path_;
  vision::ImageSize size_;
  std::unique_ptr<Child> child_;  ///< the reader reads it, wherever this is moved
  NutReader reader_;
  NutHeader header_;
  bool begun_ = false, seen_ = false;  ///< its header, a frame
};

}  // namespace batchfit::video
