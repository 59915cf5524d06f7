#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace batchfit::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Json json_of(const std::string& name) {
  return parse_json(read_file(std::string(BATCHFIT_TEST_DATA "/tokenizer/") + name).value()).value();
}

const Tokenizer& tokenizer() {
  static const auto read = Tokenizer::open(BATCHFIT_TEST_DATA "/tokenizer/tokenizer.json").value();
  return read;
}

TEST(Tokenizer, the_ids_of_every_text_equal_those_of_the_reference_with_special_tokens_and_without) {
  const Json reference = json_of("reference.json");
  ASSERT_EQ(reference.size(), 269U);
  for (const Json& item : reference) {
    const auto text = item["text"].get<std::string>();
    EXPECT_EQ(tokenizer().encode(text, true).value(), item["ids"].get<std::vector<TokenId>>()) << text;
    EXPECT_EQ(tokenizer().encode(text, false).value(),
              item["ids_without_special"].get<std::vector<TokenId>>())
        << text;
  }
}

TEST(Tokenizer, ids_are_decoded_as_the_reference_decodes_them) {
  for (const Json& item : json_of("reference.json")) {
    EXPECT_EQ(tokenizer().decode(item["ids"].get<std::vector<TokenId>>()),
              item["decoded"].get<std::string>());
  }
}

TEST(Tokenizer, merges_in_the_older_layout_give_the_same_ids) {
  Json json = json_of("tokenizer.json");
  for (Json& merge : json["model"]["merges"])
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  const Tokenizer older = Tokenizer::from_json(json).value();
  for (const Json& item : json_of("reference.json")) {
    const auto text = item["text"].get<std::string>();
    EXPECT_EQ(older.encode(text, true).value(), item["ids"].get<std::vector<TokenId>>()) << text;
  }
}

TEST(Tokenizer, text_that_is_not_utf8_is_an_error_that_says_where) {
  const auto ids = tokenizer().encode("ab\xFFz", true);
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().kind, ErrorKind::usage);
  EXPECT_THAT(ids.error().message, HasSubstr("byte 3 of the text is not UTF-8"));
}

TEST(Tokenizer, a_megabyte_without_spaces_is_encoded_and_decoded_whole) {
  std::string text;
  while (text.size() < 1U << 20U) text += "abcdefghijklmnopqrstuvwxyz";
  EXPECT_EQ(tokenizer().decode(tokenizer().encode(text, true).value()), text);
  const std::string spaces(1U << 20U, ' ');
  EXPECT_EQ(tokenizer().decode(tokenizer().encode(spaces + "a", true).value()), spaces + "a");
}

/// A vocabulary of the bytes, one merge and what each test adds.
Json small() {
  Json json = json_of("tokenizer.json");
  for (auto token = json["model"]["vocab"].begin(); token != json["model"]["vocab"].end();) {
    token = token.value().get<TokenId>() < 256 ? std::next(token) : json["model"]["vocab"].erase(token);
  }
  json["model"]["merges"] = Json::array();
  json["post_processor"] = nullptr;
  json["added_tokens"] = Json::array();
  json["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
  return json;
}

/// The tokens' texts, for people.
std::vector<std::string> pieces(const Json& json, const std::string& text) {
  const Tokenizer read = Tokenizer::from_json(json).value();
  std::vector<std::string> out;
  const std::vector<TokenId> ids = read.encode(text, true).value();
  for (const TokenId id : ids) out.push_back(read.decode({id}));
  return out;
}

TEST(Tokenizer, of_added_tokens_at_one_place_the_longest_is_taken_and_those_not_normalized_come_first) {
  Json json = small();
  const auto add = [&](TokenId id, const char* content, bool normalized) {
    json["added_tokens"].push_back(
        {{"id", id}, {"content", content}, {"special", false}, {"normalized", normalized}});
  };
  add(300, "ab", false);
  add(301, "abc", false);
  add(302, "zab", true);
  EXPECT_THAT(pieces(json, "zabcab."), ElementsAre("z", "abc", "ab", "."));
  EXPECT_THAT(pieces(json, "zazab"), ElementsAre("z", "a", "z", "ab"));
}

TEST(Tokenizer, a_prefix_space_comes_before_each_text_between_added_tokens_that_begins_with_none) {
  Json json = small();
  json["pre_tokenizer"]["add_prefix_space"] = true;
  json["added_tokens"].push_back({{"id", 300}, {"content", "<x>"}, {"special", false}});
  EXPECT_THAT(pieces(json, "a<x> b"), ElementsAre(" ", "a", "<x>", " ", "b"));
}

TEST(Tokenizer, digits_are_split_one_by_one_where_the_file_says_so) {
  Json json = small();
  json["model"]["vocab"]["12"] = 256;
  json["model"]["merges"] = Json::array({"1 2"});
  EXPECT_THAT(pieces(json, "12"), ElementsAre("12"));
  json["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers", {{{"type", "Digits"}, {"individual_digits", true}}, json["pre_tokenizer"]}}};
  EXPECT_THAT(pieces(json, "12"), ElementsAre("1", "2"));
}

TEST(Tokenizer, a_template_may_put_tokens_before_and_after_the_text) {
  Json json = small();
  json["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single",
       {{{"SpecialToken", {{"id", "s"}}}}, {{"Sequence", {{"id", "A"}}}}, {{"SpecialToken", {{"id", "e"}}}}}},
      {"special_tokens", {{"s", {{"ids", {400, 401}}}}, {"e", {{"ids", {402}}}}}}};
  const TokenId letter = json["model"]["vocab"]["a"];
  const Tokenizer read = Tokenizer::from_json(json).value();
  EXPECT_THAT(read.encode("a", true).value(), ElementsAre(400, 401, letter, 402));
  EXPECT_THAT(read.encode("a", false).value(), ElementsAre(letter));
}

}  // namespace
}  // namespace batchfit::text
