#include "base/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace batchfit {
namespace {

TEST(Utf8, characters_of_every_length_are_taken_with_the_first_and_last_of_each) {
  for (const std::string text : {"", "\x7f", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
                                 "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(first_bad_byte(text + "a" + text), std::nullopt) << text;
  }
}

TEST(Utf8, what_is_cut_too_long_a_surrogate_or_beyond_unicode_is_found_at_its_first_byte) {
  for (const std::string bad :
       {"\x80", "\xBF", "\xC2", "\xC2 ", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xE1\x80", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF8\x80\x80\x80\x80", "\xFF", "\xFE"}) {
    EXPECT_EQ(first_bad_byte("é" + bad + "a"), 2U) << testing::PrintToString(bad);
  }
}

TEST(Utf8, the_first_byte_tells_a_characters_size) {
  EXPECT_EQ(character_size("a"[0]), 1U);
  EXPECT_EQ(character_size("é"[0]), 2U);
  EXPECT_EQ(character_size("€"[0]), 3U);
  EXPECT_EQ(character_size("👍"[0]), 4U);
}

TEST(Utf8, what_is_written_of_a_character_is_read_as_that_character) {
  for (char32_t character = 0; character <= 0x10FFFF; ++character) {
    if (character >= 0xD800 && character <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, character);
    const auto read = first_character(text);
    ASSERT_TRUE(read && read->code == character && read->bytes == text.size())
        << static_cast<std::uint32_t>(character);
    ASSERT_EQ(character_size(text[0]), text.size()) << static_cast<std::uint32_t>(character);
  }
}

}  // namespace
}  // namespace batchfit
