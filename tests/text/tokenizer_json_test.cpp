#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "text/tokenizer.h"

namespace batchfit::text {
namespace {

using testing::HasSubstr;

const char* const path = BATCHFIT_TEST_DATA "/tokenizer/tokenizer.json";

/// The real file with one change: what is put in where a JSON pointer leads.
Error error_with(const std::string& pointer, const Json& value) {
  Json json = parse_json(read_file(path).value()).value();
  json[Json::json_pointer(pointer)] = value;
  const auto read = Tokenizer::from_json(json);
  EXPECT_FALSE(read) << pointer;
  return read ? Error{} : read.error();
}

struct OtherType {
  const char *pointer, *value, *message;
};

class OfAnotherType : public testing::TestWithParam<OtherType> {};
INSTANTIATE_TEST_SUITE_P(
    Tokenizer, OfAnotherType,
    testing::Values(
        OtherType{"/model/type", R"("WordPiece")",
                  "is of a model of type 'WordPiece', and only 'BPE' is taken"},
        OtherType{"/model/type", R"("Unigram")", "of type 'Unigram'"},
        OtherType{"/model/byte_fallback", "true", "byte_fallback"},
        OtherType{"/model/dropout", "0.1", "dropout"},
        OtherType{"/model/end_of_word_suffix", R"("</w>")", "end_of_word_suffix"},
        OtherType{"/normalizer", R"({"type": "NFC"})", "has a normalizer, 'NFC', and none is taken"},
        OtherType{"/normalizer", R"({"type": "Sequence", "normalizers": [{"type": "Prepend"}]})",
                  "'Prepend'"},
        OtherType{"/pre_tokenizer", "null", "has no pre_tokenizer"},
        OtherType{"/pre_tokenizer", R"({"type": "Metaspace"})", "has the pre_tokenizer 'Metaspace'"},
        OtherType{"/pre_tokenizer/pretokenizers/1", R"({"type": "Digits"})",
                  "has the pre_tokenizer 'Digits'"},
        OtherType{"/pre_tokenizer/pretokenizers/0/behavior", R"("Removed")", "behavior 'Removed'"},
        OtherType{"/pre_tokenizer/pretokenizers/0/pattern", R"({"Regex": "a(b"})", "'a(b' cannot be read"},
        OtherType{"/added_tokens/2/lstrip", "true", "'lstrip' is set of the token '<|start_header_id|>'"},
        OtherType{"/added_tokens/2/single_word", "true", "'single_word' is set"},
        OtherType{"/post_processor", R"({"type": "BertProcessing"})",
                  "has the post_processor 'BertProcessing'"}));

TEST_P(OfAnotherType, is_a_usage_error_that_names_what_was_found) {
  const Error error = error_with(GetParam().pointer, Json::parse(GetParam().value));
  EXPECT_EQ(error.kind, ErrorKind::usage);
  EXPECT_THAT(error.message, HasSubstr(GetParam().message));
}

struct Damage {
  const char *pointer, *value, *message;
};

class Damaged : public testing::TestWithParam<Damage> {};
INSTANTIATE_TEST_SUITE_P(
    Tokenizer, Damaged,
    testing::Values(
        Damage{"", "[]", "no JSON object"}, Damage{"", "{}", "it has no 'model'"},
        Damage{"/model/vocab", "[]", "'vocab' is not an object"},
        Damage{"/model/vocab/a", "-1", "'vocab' is not zero or more"},
        Damage{"/model/vocab/a", "3000000000", "token 'a' has the id 3000000000"},
        Damage{"/model/vocab/a", "200", "two tokens have the id 200"},
        Damage{"/model/merges", "{}", "no list 'merges'"}, Damage{"/model/merges/7", R"("ab")", "merge 7"},
        Damage{"/model/merges/7", R"(["a"])", "merge 7"}, Damage{"/model/merges/7", R"("a 日")", "merge 7"},
        Damage{"/model/merges/7", R"("qz qz")", "merge 7 names a token that the vocabulary lacks"},
        Damage{"/pre_tokenizer", R"({"type": "Sequence"})", "no list 'pretokenizers'"},
        Damage{"/pre_tokenizer/pretokenizers/0/pattern", "{}", "Split has no pattern"},
        Damage{"/pre_tokenizer/pretokenizers/0/pattern", "7", "Split: pattern is not a JSON object"},
        Damage{"/added_tokens", "{}", "'added_tokens' is not a list"},
        Damage{"/added_tokens/0", R"({"id": 1800})", "token has no 'content'"},
        Damage{"/added_tokens/0/content", R"("a")", "the token 'a' has the id 1800"},
        Damage{"/added_tokens/0/id", "7", "the token '<|begin_of_text|>' has the id 7"},
        Damage{"/post_processor/processors/1/single", "{}", "no list 'single'"},
        Damage{"/post_processor/processors/1/single", "[]", "holds the text 0 times"},
        Damage{"/post_processor/processors/1/single/0", "{}", "a misshapen piece"},
        Damage{"/post_processor/processors/1/single/1", R"({"Sequence": {"id": "B"}})", "a piece 'Sequence'"},
        Damage{"/post_processor/processors/1/special_tokens", "{}", "no special token '<|begin_of_text|>'"}));

TEST_P(Damaged, is_an_error_that_names_the_place) {
  const Error error = error_with(GetParam().pointer, Json::parse(GetParam().value));
  EXPECT_EQ(error.kind, ErrorKind::corrupt);
  EXPECT_THAT(error.message, HasSubstr(GetParam().message));
}

TEST(Tokenizer, errors_of_a_file_begin_with_its_path) {
  const auto missing = Tokenizer::open("/nowhere/tokenizer.json");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("/nowhere/tokenizer.json"));
  const auto other = Tokenizer::open(BATCHFIT_TEST_DATA "/tokenizer/reference.json");
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("tokenizer/reference.json: this is no tokenizer.json"));
}

TEST(Tokenizer, a_file_that_is_cut_short_is_refused) {
  const std::string whole = read_file(path).value();
  for (std::size_t size = 0; size + 4 < whole.size(); size += 997) {
    const auto json = parse_json(whole.substr(0, size));
    EXPECT_FALSE(json && Tokenizer::from_json(*json)) << size;
  }
}

}  // namespace
}  // namespace batchfit::text
