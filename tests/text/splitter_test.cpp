#include "text/splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batchfit::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string_view> split(const std::string& pattern, std::string_view text, bool literal = false) {
  const auto splitter = Splitter::compile(pattern, literal);
  return splitter ? splitter->split(text).value() : std::vector<std::string_view>();
}

TEST(Splitter, matches_and_what_lies_between_them_are_pieces) {
  EXPECT_THAT(split(R"(\p{N}{1,3})", "ab1234c"), ElementsAre("ab", "123", "4", "c"));
  EXPECT_THAT(split("x", "abc"), ElementsAre("abc"));
  EXPECT_THAT(split("x", ""), ElementsAre());
}

TEST(Splitter, a_literal_is_no_pattern) {
  EXPECT_THAT(split(".", "a.b", /*literal=*/true), ElementsAre("a", ".", "b"));
}

TEST(Splitter, a_match_of_nothing_cuts_there_and_goes_on_by_a_whole_character) {
  EXPECT_THAT(split("x*", "é€xb"), ElementsAre("é", "€", "x", "b"));
}

TEST(Splitter, letters_and_case_are_unicodes) {
  EXPECT_THAT(split(R"(\p{L}+)", "Ωé1日本"), ElementsAre("Ωé", "1", "日本"));
  EXPECT_THAT(split("(?i:'É)", "a'é"), ElementsAre("a", "'é"));
}

TEST(Splitter, the_mongolian_vowel_separator_is_no_white_space) {
  EXPECT_THAT(split(R"(\s+)", "a\xE1\xA0\x8E\xE3\x80\x80"), ElementsAre("a\xE1\xA0\x8E", "\xE3\x80\x80"));
}

TEST(Splitter, a_pattern_that_cannot_be_read_is_an_error_that_says_where) {
  const auto splitter = Splitter::compile("a(b");
  ASSERT_FALSE(splitter);
  EXPECT_EQ(splitter.error().kind, ErrorKind::usage);
  EXPECT_THAT(splitter.error().message, HasSubstr("'a(b' cannot be read at character 3"));
}

TEST(Splitter, a_match_that_backtracks_without_end_is_an_error) {
  const auto splitter = Splitter::compile("(a+)+$");
  ASSERT_TRUE(splitter);
  const std::string text = std::string(200, 'a') + "b";
  const auto pieces = splitter->split(text);
  ASSERT_FALSE(pieces);
  EXPECT_THAT(pieces.error().message, HasSubstr("match limit"));
}

}  // namespace
}  // namespace batchfit::text
