#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace batchfit::text {

/// Where the first byte is that belongs to no character; nullopt where the text is UTF-8 (RFC 3629: no
/// surrogates, no longer form than needed, nothing above U+10FFFF).
std::optional<std::size_t> first_bad_byte(std::string_view text);

/// Bytes of the character that a byte of valid UTF-8 begins: 1 to 4.
std::size_t character_size(char first);

}  // namespace batchfit::text
