#include "fuzz.h"
#include "video/probe.h"

using namespace batchfit;

// Whatever ffmpeg says of a file describes a video that has a size, or is an error in one line for people.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto info = video::parse_probe(std::string(text_of(data, size)), "a.mp4");
  promise(info ? info->size.width > 0 && info->size.height > 0 : !info.error().message.empty(),
          "a video has a size, an error its message");
  promise(!info || !info->ticks || *info->ticks > 0, "a second has ticks");
  return 0;
}
