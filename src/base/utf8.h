#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace batchfit {

// UTF-8 as RFC 3629 has it: no surrogates, no longer form than needed, nothing above U+10FFFF.

struct Character {
  char32_t code;
  std::size_t bytes;  ///< that it takes: 1 to 4
};

/// The character that the text begins with; nullopt where it begins with none.
std::optional<Character> first_character(std::string_view text);

/// Where the first byte is that belongs to no character; nullopt where the text is UTF-8.
std::optional<std::size_t> first_bad_byte(std::string_view text);

/// Bytes of the character that a byte of valid UTF-8 begins: 1 to 4.
std::size_t character_size(char first);

void append_utf8(std::string& out, char32_t character);

}  // namespace batchfit
