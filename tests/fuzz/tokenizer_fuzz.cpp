#include "fuzz.h"
#include "text/tokenizer.h"

using namespace batchfit;

// A tokenizer.json, or none, and what it makes of a text: any bytes give ids or an error. What follows the
// first zero byte is the text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all = text_of(data, size);
  const std::size_t end = all.find('\0');
  const auto json = parse_json(all.substr(0, end));
  if (!json) return 0;
  const auto tokenizer = text::Tokenizer::from_json(*json);
  if (!tokenizer || end == std::string_view::npos) return 0;
  if (const auto ids = tokenizer->encode(all.substr(end + 1), true)) tokenizer->decode(*ids);
  return 0;
}
