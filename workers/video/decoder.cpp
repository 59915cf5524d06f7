#include "video/decoder.h"

#include <utility>

#include "video/ffmpeg.h"

namespace batchfit::video {
namespace {

/// Time stamps of files whose own unit is not known.
constexpr std::int64_t microseconds = 1'000'000;

std::vector<std::string> command(const std::string& ffmpeg, const std::string& path, const VideoInfo& info) {
  // Where the size stays the same and the range is the usual one the filter passes frames through.
  std::string scale = "scale=" + std::to_string(info.size.width) + ":" + std::to_string(info.size.height);
  if (info.full_range) scale += ":in_range=full:out_range=limited";
  const std::string tick = "1/" + std::to_string(info.ticks.value_or(microseconds));
  return {ffmpeg,
          "-hide_banner",
          "-nostdin",
          "-loglevel",
          "error",
          "-i",
          input_name(path),
          "-map",
          "0:V:0",
          "-map_metadata",
          "-1",
          "-vf",
          scale,
          "-fps_mode",
          "passthrough",
          "-enc_time_base",
          tick,
          "-c:v",
          "rawvideo",
          "-pix_fmt",
          "yuv420p",
          "-f",
          "nut",
          "-write_index",
          "0",
          "-avioflags",
          "direct",
          "pipe:1"};
}

}  // namespace

Result<Decoder> Decoder::start(const std::string& ffmpeg, const std::string& path, const VideoInfo& info) {
  auto child = Child::start(command(ffmpeg, path, info), Child::Pipe::from_its_stdout);
  if (!child) return failure(child.error());
  return Decoder(path, info.size, std::move(*child));
}

Decoder::Decoder(std::string path, vision::ImageSize size, Child child)
    : path_(std::move(path)),
      size_(size),
      child_(std::make_unique<Child>(std::move(child))),
      reader_([child = child_.get()](std::span<std::byte> to) { return child->read_some(to); }) {}

Result<std::optional<NutFrame>> Decoder::next(std::span<std::byte> pixels) {
  if (!begun_) {
    const auto header = reader_.header();
    if (!header) return failure(header.error());
    if (*header) header_ = **header;
    if (*header && header_.size != size_) {
      return failure(ErrorKind::runtime, path_ + " decodes to another size than ffmpeg says it has");
    }
    begun_ = header->has_value();
  }
  Result<std::optional<NutFrame>> frame = begun_ ? reader_.next(pixels) : std::optional<NutFrame>();
  if (!frame) return frame;
  if (*frame) {
    seen_ = true;
    return frame;
  }
  const std::string ending = child_->wait();
  if (ending.empty() && seen_) return frame;
  const std::string words = child_->last_words();
  const std::string what =
      seen_ ? "the decoder of " + path_ + " broke off" : path_ + " has no frame that can be decoded";
  return failure(ErrorKind::runtime,
                 what + (ending.empty() ? "" : " (" + ending + ")") + (words.empty() ? "" : ": " + words),
                 "see whether ffmpeg plays the file");
}

}  // namespace batchfit::video
