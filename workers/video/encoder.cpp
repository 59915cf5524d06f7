#include "video/encoder.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/descriptor.h"

namespace batchfit::video {
namespace {

/// At 1080p the faster presets cost no more than drawing and decoding beside them; the files are larger.
constexpr const char* preset = "superfast";

}  // namespace

Result<Encoder> Encoder::start(const std::string& ffmpeg, const std::string& path, const VideoInfo& info) {
  const char* colours = info.colours == Colours::bt709 ? "bt709" : "smpte170m";
  // A tick of the source is one of the file: the frame rate that NUT guesses must not round it.
  const std::string tick = "1/" + std::to_string(info.ticks.value_or(1'000'000));
  std::vector<std::string> command{ffmpeg,        "-hide_banner", "-nostdin",
                                   "-loglevel",   "error",        "-y",
                                   "-f",          "nut",          "-i",
                                   "pipe:0",      "-map",         "0:v:0",
                                   "-fps_mode",   "passthrough",  "-enc_time_base",
                                   tick,          "-c:v",         "libx264",
                                   "-preset",     preset,         "-pix_fmt",
                                   "yuv420p",     "-color_range", "tv",
                                   "-colorspace", colours,        "-color_primaries",
                                   colours,       "-color_trc",   colours};
  if (info.size.width % 2 != 0 || info.size.height % 2 != 0) {
    command.insert(command.end(), {"-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"});
  }
  command.push_back("file:" + path);
  auto child = Child::start(command, Child::Pipe::to_its_stdin);
  if (!child) return failure(child.error());
  return Encoder(path, std::move(*child));
}

tl::unexpected<Error> Encoder::broken() {
  const std::string ending = child_.wait();
  const std::string words = child_.last_words();
  return failure(ErrorKind::runtime,
                 "cannot write " + path_ + ": ffmpeg ended (" + (ending.empty() ? "exit code 0" : ending) +
                     ")" + (words.empty() ? "" : ": " + words),
                 "name a file whose ending ffmpeg knows, on a disk with room");
}

Result<void> Encoder::write(const Frame& frame) {
  const std::array<std::span<const std::byte>, 2> pieces{std::span<const std::byte>(frame.before),
                                                         std::span<const std::byte>(frame.picture.planes)};
  if (child_.write(pieces)) return {};
  return broken();
}

Result<void> Encoder::finish() {
  if (child_.wait().empty()) return {};
  return broken();
}

Result<void> check_writable(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  if (file.is_open()) return {};
  return failure(ErrorKind::usage, "cannot write " + path + ": " + std::strerror(errno),
                 "name a file in a folder that can be written");
}

}  // namespace batchfit::video
