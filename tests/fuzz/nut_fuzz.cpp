#include <algorithm>
#include <array>

#include "fuzz.h"
#include "video/nut.h"

using namespace batchfit;
using namespace batchfit::video;

// Any bytes are frames or an error, and what was read of a stream is the stream again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  std::size_t at = 0, forwarded = 0;
  NutReader reader([&](std::span<std::byte> to) {
    const std::size_t n = std::min(to.size(), size - at);
    std::copy_n(bytes + at, n, to.begin());
    at += n;
    return n;
  });
  const auto header = reader.header();
  if (!header || !*header) return 0;
  promise((*header)->size.width > 0 && (*header)->size.height > 0 && (*header)->tick_denominator > 0,
          "a header has a size and a time base");
  std::array<std::byte, 24> pixels{};  // 4 x 4
  for (;;) {
    const auto frame = reader.next(pixels);
    if (!frame || !*frame) return 0;
    const auto& before = (*frame)->before;
    promise(std::equal(before.begin(), before.end(), bytes + forwarded),
            "headers are forwarded as they came");
    forwarded += before.size();
    promise(std::equal(pixels.begin(), pixels.end(), bytes + forwarded), "pixels follow their header");
    forwarded += pixels.size();
  }
}
