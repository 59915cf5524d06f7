#include "text/utf8.h"

#include <array>

namespace batchfit::text {
namespace {

/// The characters that are written in so many bytes: where they begin, and what the first byte is without its
/// bits of the character.
struct Form {
  char32_t least;
  unsigned char mark, mask;
};
constexpr std::array<Form, 4> forms{
    {{0, 0x00, 0x80}, {0x80, 0xC0, 0xE0}, {0x800, 0xE0, 0xF0}, {0x10000, 0xF0, 0xF8}}};
constexpr char32_t first_surrogate = 0xD800, last_surrogate = 0xDFFF, last_character = 0x10FFFF;

/// Bytes of the character that the text begins with; 0 where it begins with none.
std::size_t valid_character_size(std::string_view text) {
  for (std::size_t i = 0; i < forms.size() && i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[0]);
    if ((first & forms[i].mask) != forms[i].mark) continue;
    char32_t character = first & static_cast<unsigned char>(~forms[i].mask);
    for (std::size_t at = 1; at <= i; ++at) {
      const auto byte = static_cast<unsigned char>(text[at]);
      if ((byte & 0xC0) != 0x80) return 0;
      character = character << 6 | (byte & 0x3F);
    }
    const bool is_surrogate = character >= first_surrogate && character <= last_surrogate;
    return character < forms[i].least || is_surrogate || character > last_character ? 0 : i + 1;
  }
  return 0;
}

}  // namespace

std::optional<std::size_t> first_bad_byte(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = valid_character_size(text.substr(at));
    if (size == 0) return at;
    at += size;
  }
  return std::nullopt;
}

std::size_t character_size(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

}  // namespace batchfit::text
