#include "text/byte_alphabet.h"

#include <array>
#include <unordered_map>

#include "text/utf8.h"

namespace batchfit::text {
namespace {

bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

/// A character below U+0800.
std::string in_utf8(unsigned character) {
  if (character < 0x80) return {static_cast<char>(character)};
  return {static_cast<char>(0xC0 | character >> 6), static_cast<char>(0x80 | (character & 0x3F))};
}

std::array<std::string, 256> make_letters() {
  std::array<std::string, 256> letters;
  unsigned next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    letters[static_cast<std::size_t>(byte)] =
        in_utf8(stands_for_itself(byte) ? static_cast<unsigned>(byte) : next++);
  }
  return letters;
}

const std::array<std::string, 256>& letters() {
  static const auto all = make_letters();
  return all;
}

const std::unordered_map<std::string_view, char>& bytes_by_letter() {
  static const auto all = [] {
    std::unordered_map<std::string_view, char> bytes;
    for (std::size_t byte = 0; byte < letters().size(); ++byte)
      bytes[letters()[byte]] = static_cast<char>(byte);
    return bytes;
  }();
  return all;
}

}  // namespace

std::string letter_of(unsigned char byte) { return letters()[byte]; }

std::optional<std::string> bytes_of(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view letter = text.substr(at, character_size(text[at]));
    const auto byte = bytes_by_letter().find(letter);
    if (byte == bytes_by_letter().end()) return std::nullopt;
    bytes.push_back(byte->second);
    at += letter.size();
  }
  return bytes;
}

}  // namespace batchfit::text
