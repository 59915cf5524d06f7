#include "text/byte_alphabet.h"

#include <array>
#include <unordered_map>

#include "base/utf8.h"

namespace batchfit::text {
namespace {

bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

std::array<std::string, 256> make_letters() {
  std::array<std::string, 256> letters;
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    append_utf8(letters[static_cast<std::size_t>(byte)],
                stands_for_itself(byte) ? static_cast<char32_t>(byte) : next++);
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
