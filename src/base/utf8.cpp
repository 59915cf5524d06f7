#include "base/utf8.h"

#include <array>

namespace batchfit {
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

}  // namespace

std::optional<Character> first_character(std::string_view text) {
  for (std::size_t i = 0; i < forms.size() && i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[0]);
    if ((first & forms[i].mask) != forms[i].mark) continue;
    char32_t character = first & static_cast<unsigned char>(~forms[i].mask);
    for (std::size_t at = 1; at <= i; ++at) {
      const auto byte = static_cast<unsigned char>(text[at]);
      if ((byte & 0xC0) != 0x80) return std::nullopt;
      character = character << 6 | (byte & 0x3F);
    }
    const bool is_surrogate = character >= first_surrogate && character <= last_surrogate;
    if (character < forms[i].least || is_surrogate || character > last_character) return std::nullopt;
    return Character{character, i + 1};
  }
  return std::nullopt;
}

std::optional<std::size_t> first_bad_byte(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto character = first_character(text.substr(at));
    if (!character) return at;
    at += character->bytes;
  }
  return std::nullopt;
}

std::size_t character_size(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

void append_utf8(std::string& out, char32_t character) {
  const auto put = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (character < 0x80) {
    put(character);
  } else if (character < 0x800) {
    put(0xC0 | character >> 6);
    put(0x80 | (character & 0x3F));
  } else if (character < 0x10000) {
    put(0xE0 | character >> 12);
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  } else {
    put(0xF0 | character >> 18);
    put(0x80 | (character >> 12 & 0x3F));
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  }
}

}  // namespace batchfit
