#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace batchfit::text {

// The alphabet of byte-level BPE: a printable character for each of the 256 bytes, so that a vocabulary of
// any bytes is text. Printable Latin-1 stands for itself, the other bytes in their order for the characters
// from U+0100 on ("Ġ" is the space). Source: bytes_to_unicode of GPT-2's encoder (Radford et al., 2019).

/// The character of a byte, in UTF-8.
std::string letter_of(unsigned char byte);

/// The bytes that a text of this alphabet stands for; nullopt where a character is none of it.
std::optional<std::string> bytes_of(std::string_view letters);

}  // namespace batchfit::text
