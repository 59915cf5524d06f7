#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "vision/letterbox.h"

namespace batchfit::video {

/// What a NUT stream says of the pictures in it.
struct NutHeader {
  vision::ImageSize size;
  std::int64_t tick_numerator = 1, tick_denominator = 1;  ///< a tick is their quotient in seconds
};

struct NutFrame {
  std::int64_t ticks = 0;  ///< when it is shown
  /// All that stood before its pixels since the last frame's: what was read, headers included. These and the
  /// pixels, frame after frame, are the stream again.
  std::vector<std::byte> before;
};

/// Reads one stream of raw pictures out of the NUT container, as ffmpeg writes it into a pipe: it has exact
/// time stamps and no more than some bytes beside the pixels, which are read to where they are wanted.
/// Format: the NUT Open Container Format, ffmpeg.org/nut.html. Any bytes give frames or an error.
class NutReader {
 public:
  /// Fills a part of the span and says how much; 0: the stream has ended.
  using ReadSome = std::function<std::size_t(std::span<std::byte>)>;

  explicit NutReader(ReadSome read_some) : read_some_(std::move(read_some)) {}

  /// nullopt where the stream ends before it. corrupt error where it is none, or not of one picture stream.
  Result<std::optional<NutHeader>> header();

  /// The next frame, its pixels in `pixels`; nullopt where the stream ends, also in the middle of one.
  /// corrupt error where a frame has another size than the span.
  Result<std::optional<NutFrame>> next(std::span<std::byte> pixels);

 private:
  /// What a frame's first byte stands for.
  struct Code {
    std::uint64_t flags = 0, size_factor = 0, size_rest = 0, reserved = 0;
    std::int64_t ticks_on = 0;
  };
  struct Ended {};
  struct Damaged {
    std::string_view what;
  };

  std::byte byte();
  std::uint64_t fixed(int bytes);
  std::uint64_t number();
  std::int64_t signed_number();
  void skip(std::uint64_t bytes);
  /// The rest of a packet after its start code: calls `read` at its contents and passes the rest over.
  template <class Read>
  void packet(Read read);
  void main_header();
  void codes();
  void stream_header();
  void syncpoint();
  std::uint64_t frame_header(std::uint8_t first, NutFrame& frame);
  void take(std::span<std::byte> to);

  ReadSome read_some_;
  std::array<std::byte, 512> buffer_{};
  std::size_t at_ = 0, end_ = 0;  ///< of buffer_, not yet read
  std::vector<std::byte> before_;
  std::uint64_t read_ = 0;  ///< bytes, of headers
  std::array<Code, 256> codes_{};
  std::uint64_t streams_ = 0;
  bool has_stream_ = false;
  int wrap_bits_ = 0;             ///< of time stamps that are coded short
  std::uint64_t last_ticks_ = 0;  ///< it may wrap
  std::uint64_t main_flags_ = 0;
  NutHeader header_;
};

}  // namespace batchfit::video
