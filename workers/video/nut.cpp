#include "video/nut.h"

#include <algorithm>
#include <string>
#include <utility>

namespace batchfit::video {
namespace {

constexpr std::string_view file_id("nut/multimedia container\0", 25);
constexpr std::uint64_t main_code = 0x4E4D7A561F5F04AD;
constexpr std::uint64_t stream_code = 0x4E5311405BF2F9DB;
constexpr std::uint64_t syncpoint_code = 0x4E4BE4ADEECA4569;
constexpr std::uint64_t index_code = 0x4E58DD672F23E64E;
constexpr std::uint64_t info_code = 0x4E49AB68B596BA78;

constexpr std::uint64_t video_class = 0;
constexpr std::uint64_t broadcast_mode = 1;
constexpr std::uint64_t checksum_bytes = 4;
constexpr std::uint64_t checked_from = 4096;  // a longer packet has a checksum of its length too
constexpr std::uint64_t largest_packet = 1 << 20;
constexpr std::size_t largest_before = 4 << 20;  // headers in a row
constexpr std::int64_t largest_side = 1 << 16;

enum Flag : std::uint64_t {
  coded_ticks = 8,
  stream_id = 16,
  coded_size = 32,
  checksum = 64,
  reserved = 128,
  side_data = 256,
  header_index = 1024,
  match_time = 2048,
  coded_flags = 4096,
  invalid = 8192,
};

}  // namespace

std::byte NutReader::byte() {
  if (at_ == end_) {
    at_ = 0;
    end_ = read_some_(buffer_);
    if (end_ == 0) throw Ended{};
  }
  if (before_.size() == largest_before) throw Damaged{"headers without end"};
  before_.push_back(buffer_[at_]);
  ++read_;
  return buffer_[at_++];
}

std::uint64_t NutReader::fixed(int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | std::to_integer<std::uint64_t>(byte());
  return value;
}

std::uint64_t NutReader::number() {
  std::uint64_t value = 0;
  for (int bits = 0; bits < 64; bits += 7) {
    const auto next = std::to_integer<std::uint64_t>(byte());
    value = value << 7 | (next & 0x7F);
    if ((next & 0x80) == 0) return value;
  }
  throw Damaged{"a number that is too long"};
}

std::int64_t NutReader::signed_number() {
  const std::uint64_t folded = number() + 1;
  const auto half = static_cast<std::int64_t>(folded >> 1);
  return (folded & 1) != 0 ? -half : half;
}

void NutReader::skip(std::uint64_t bytes) {
  for (std::uint64_t i = 0; i < bytes; ++i) byte();
}

template <class Read>
void NutReader::packet(Read read) {
  const std::uint64_t length = number();
  if (length > largest_packet || length < checksum_bytes) throw Damaged{"a packet of an impossible length"};
  if (length > checked_from) skip(checksum_bytes);
  const std::uint64_t end = read_ + length;
  read();
  if (read_ + checksum_bytes > end) throw Damaged{"a packet that is longer than it says"};
  skip(end - read_);
}

void NutReader::main_header() {
  const std::uint64_t version = number();
  if (version < 2 || version > 4) throw Damaged{"a version that is not known"};
  if (version > 3) number();
  streams_ = number();
  if (streams_ != 1) throw Damaged{"more than one stream"};
  number();  // bytes between syncpoints
  if (number() != 1) throw Damaged{"more than one time base"};
  const std::uint64_t numerator = number(), denominator = number();
  if (numerator == 0 || denominator == 0 || std::max(numerator, denominator) >> 31 != 0)
    throw Damaged{"an impossible time base"};
  header_.tick_numerator = static_cast<std::int64_t>(numerator);
  header_.tick_denominator = static_cast<std::int64_t>(denominator);
  codes();
  // Headers left out of the frames are only those of coded streams: pictures are too large for them.
  for (std::uint64_t i = number(); i > 0; --i) skip(number());
  main_flags_ = version > 3 ? number() : 0;
}

void NutReader::codes() {
  Code code;
  code.size_factor = 1;
  for (std::size_t i = 0; i < codes_.size();) {
    code.flags = number();
    const std::uint64_t fields = number();
    if (fields > 0) code.ticks_on = signed_number();
    if (fields > 1) code.size_factor = number();
    if (fields > 2) number();  // the stream
    const std::uint64_t first = fields > 3 ? number() : 0;
    code.reserved = fields > 4 ? number() : 0;
    std::uint64_t count = fields > 5 ? number() : code.size_factor - first;
    if (fields > 6) signed_number();
    if (fields > 7) number();
    for (std::uint64_t j = 8; j < fields; ++j) number();
    if (count == 0 && i != 'N') throw Damaged{"a table of codes that does not end"};
    for (std::uint64_t j = 0; j < count && i < codes_.size(); ++i) {
      codes_[i] = code;
      codes_[i].size_rest = first + j;
      if (i == 'N') {
        codes_[i].flags = invalid;
      } else {
        ++j;
      }
    }
  }
}

void NutReader::stream_header() {
  number();  // its number
  if (number() != video_class) throw Damaged{"a stream of no pictures"};
  skip(number());  // the pixel format
  number();        // its time base
  wrap_bits_ = static_cast<int>(std::min<std::uint64_t>(number(), 62));
  number();        // the longest step of time
  number();        // delay of the decoder
  number();        // flags
  skip(number());  // data of the codec
  const std::uint64_t width = number(), height = number();
  if (width == 0 || height == 0 || std::max(width, height) > largest_side)
    throw Damaged{"an impossible size"};
  header_.size = {static_cast<std::int64_t>(width), static_cast<std::int64_t>(height)};
  has_stream_ = true;
}

void NutReader::syncpoint() {
  last_ticks_ = number();  // times the number of time bases, which is 1
  number();                // where the one before it is
  if ((main_flags_ & broadcast_mode) != 0) number();
}

Result<std::optional<NutHeader>> NutReader::header() {
  try {
    for (const char expected : file_id) {
      if (byte() != static_cast<std::byte>(expected)) throw Damaged{"no NUT stream"};
    }
    while (!has_stream_) {
      const std::uint64_t code = fixed(8);
      if (code != main_code && streams_ == 0) throw Damaged{"no main header"};
      packet([&] {
        if (code == main_code) main_header();
        if (code == stream_code) stream_header();
      });
    }
    return header_;
  } catch (const Ended&) {
    return std::nullopt;
  } catch (const Damaged& damaged) {
    return failure(ErrorKind::corrupt, "the decoder's stream has " + std::string(damaged.what));
  }
}

std::uint64_t NutReader::frame_header(std::uint8_t first, NutFrame& frame) {
  const Code& code = codes_[first];
  std::uint64_t flags = code.flags;
  if ((flags & coded_flags) != 0) flags ^= number();
  if ((flags & invalid) != 0) throw Damaged{"a frame of no known kind"};
  if ((flags & side_data) != 0) throw Damaged{"frames with side data"};
  if ((flags & stream_id) != 0) number();
  if ((flags & coded_ticks) != 0) {
    const std::uint64_t coded = number();
    const std::uint64_t span = std::uint64_t{1} << wrap_bits_;
    const std::uint64_t lowest = last_ticks_ - span / 2;
    // A short time stamp is the one nearest to the last.
    last_ticks_ = coded < span ? ((coded - lowest) & (span - 1)) + lowest : coded - span;
  } else {
    last_ticks_ += static_cast<std::uint64_t>(code.ticks_on);
  }
  frame.ticks = static_cast<std::int64_t>(last_ticks_);
  std::uint64_t size = code.size_rest;
  if ((flags & coded_size) != 0) size += code.size_factor * number();
  if ((flags & match_time) != 0) signed_number();
  if ((flags & header_index) != 0) number();
  std::uint64_t extra = code.reserved;
  if ((flags & reserved) != 0) extra = number();
  for (std::uint64_t i = 0; i < extra; ++i) number();
  if ((flags & checksum) != 0) skip(checksum_bytes);
  return size;
}

void NutReader::take(std::span<std::byte> to) {
  const std::size_t buffered = std::min(to.size(), end_ - at_);
  std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(at_), buffered, to.begin());
  at_ += buffered;
  to = to.subspan(buffered);
  while (!to.empty()) {
    const std::size_t n = read_some_(to);
    if (n == 0) throw Ended{};
    to = to.subspan(n);
  }
}

Result<std::optional<NutFrame>> NutReader::next(std::span<std::byte> pixels) {
  try {
    NutFrame frame;
    for (;;) {
      const auto first = std::to_integer<std::uint8_t>(byte());
      if (first != 'N') {
        if (frame_header(first, frame) != pixels.size()) throw Damaged{"a frame of another size"};
        break;
      }
      const std::uint64_t code = std::uint64_t{'N'} << 56 | fixed(7);
      if (code == index_code) return std::nullopt;
      if (code != syncpoint_code && code != info_code && code != main_code && code != stream_code)
        throw Damaged{"a packet of no known kind"};
      packet([&] {
        if (code == syncpoint_code) syncpoint();
      });
    }
    take(pixels);
    frame.before = std::exchange(before_, {});
    return frame;
  } catch (const Ended&) {
    return std::nullopt;
  } catch (const Damaged& damaged) {
    return failure(ErrorKind::corrupt, "the decoder's stream has " + std::string(damaged.what));
  }
}

}  // namespace batchfit::video
