#include "video/nut.h"

#include <gmock/gmock.h>

#include <random>

#include "video/child.h"
#include "video/ffmpeg.h"

namespace batchfit::video {
namespace {

constexpr std::size_t frame_bytes = 16 * 8 * 3 / 2;

/// Five frames of 16 x 8 at 10 frames a second, as ffmpeg writes them.
std::string stream() {
  static const std::string bytes = output_of({find_ffmpeg().value_or("ffmpeg"), "-loglevel", "error", "-f",
                                              "lavfi", "-i", "testsrc2=size=16x8:rate=10", "-frames:v", "5",
                                              "-pix_fmt", "yuv420p", "-c:v", "rawvideo", "-f", "nut", "-"});
  return bytes;
}

/// Gives the bytes in pieces of at most `piece`.
NutReader reader_of(const std::string& bytes, std::size_t piece) {
  return NutReader([bytes, piece, at = std::size_t{0}](std::span<std::byte> to) mutable {
    const std::size_t n = std::min({to.size(), piece, bytes.size() - at});
    std::copy_n(reinterpret_cast<const std::byte*>(bytes.data()) + at, n, to.data());
    at += n;
    return n;
  });
}

struct Read {
  std::optional<NutHeader> header;
  std::vector<std::int64_t> ticks;
  std::string forwarded;  ///< what stood before the pixels, and the pixels
  bool failed = false;
};

Read read_all(const std::string& bytes, std::size_t piece) {
  NutReader reader = reader_of(bytes, piece);
  Read read;
  const auto header = reader.header();
  read.failed = !header;
  if (read.failed || !*header) return read;
  read.header = **header;
  std::vector<std::byte> pixels(frame_bytes);
  for (;;) {
    const auto frame = reader.next(pixels);
    read.failed = !frame;
    if (read.failed || !*frame) return read;
    read.ticks.push_back((*frame)->ticks);
    for (const auto& part : {(*frame)->before, pixels}) {
      read.forwarded.append(reinterpret_cast<const char*>(part.data()), part.size());
    }
  }
}

TEST(Nut, size_time_base_and_time_stamps_are_read_however_the_bytes_arrive) {
  for (const std::size_t piece : {1UL, 7UL, 511UL, 1UL << 20}) {
    const Read read = read_all(stream(), piece);
    ASSERT_TRUE(read.header) << piece;
    EXPECT_EQ(read.header->size, (vision::ImageSize{16, 8}));
    std::vector<double> times;
    for (const std::int64_t ticks : read.ticks) {
      times.push_back(static_cast<double>(ticks * read.header->tick_numerator) /
                      static_cast<double>(read.header->tick_denominator));
    }
    EXPECT_THAT(times, testing::ElementsAre(0, 0.1, 0.2, 0.3, 0.4));
    EXPECT_FALSE(read.failed);
  }
}

TEST(Nut, what_was_read_is_the_stream_again) {
  const Read read = read_all(stream(), 100);
  EXPECT_FALSE(read.forwarded.empty());
  EXPECT_EQ(read.forwarded, stream().substr(0, read.forwarded.size()));
}

TEST(Nut, a_stream_that_ends_anywhere_gives_the_whole_frames_before) {
  const std::string bytes = stream();
  std::size_t most = 0;
  for (std::size_t end = 0; end < bytes.size(); end += 3) {
    const Read read = read_all(bytes.substr(0, end), 64);
    EXPECT_FALSE(read.failed) << end;
    EXPECT_GE(read.ticks.size(), most);
    most = read.ticks.size();
  }
  EXPECT_EQ(most, 5);
}

TEST(Nut, any_damage_gives_frames_or_an_error) {
  const std::string bytes = stream();
  std::mt19937 random(1);
  int failures = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = bytes;
    for (int j = 0; j < 3; ++j) damaged[random() % 450] = static_cast<char>(random());
    failures += read_all(damaged, 1 << 12).failed ? 1 : 0;
  }
  EXPECT_GT(failures, 0);
}

}  // namespace
}  // namespace batchfit::video
