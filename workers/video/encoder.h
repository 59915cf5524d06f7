#pragma once

#include <span>
#include <string>

#include "video/child.h"
#include "video/frame.h"
#include "video/probe.h"

namespace batchfit::video {

/// Writes frames as H.264 with ffmpeg, in a process of its own, with the time stamps that their decoder gave
/// them: a variable frame rate stays one. The picture is 8-bit 4:2:0, an odd side gets a row or column of
/// black, and there is no sound. The file's name says the container. What was written is whole once finish()
/// returns, also after half of the input.
class Encoder {
 public:
  static Result<Encoder> start(const std::string& ffmpeg, const std::string& path, const VideoInfo& info);

  /// The frames of one Decoder, one after the other. runtime error where ffmpeg has failed.
  Result<void> write(const Frame& frame);

  /// Ends the file.
  Result<void> finish();

 private:
  Encoder(std::string path, Child child) : path_(std::move(path)), child_(std::move(child)) {}
  tl::unexpected<Error> broken();

  std::string path_;
  Child child_;
};

/// Whether a file can be written there; made, empty, where there was none. usage error where not.
Result<void> check_writable(const std::string& path);

}  // namespace batchfit::video
