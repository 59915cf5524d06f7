#include "text/prompts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace batchfit::text {
namespace {

using testing::HasSubstr;

class PromptsFile : public testing::Test {
 protected:
  Result<Prompts> read(const std::string& bytes) {
    test::write_bytes(folder_ / "prompts.txt", bytes);
    return Prompts::read(folder_ / "prompts.txt", tokenizer);
  }
  Error error_of(const std::string& bytes) {
    const auto prompts = read(bytes);
    EXPECT_FALSE(prompts);
    return prompts ? Error{} : prompts.error();
  }

  const Tokenizer tokenizer = Tokenizer::open(BATCHFIT_TEST_DATA "/tokenizer/tokenizer.json").value();

 private:
  test::TemporaryFolder folder_;
};

TEST_F(PromptsFile, each_line_is_a_prompt_with_the_templates_tokens_and_empty_ones_are_passed_over) {
  const auto prompts = read("Hello, world!\r\n\n the\nlast");
  ASSERT_TRUE(prompts);
  ASSERT_EQ(prompts->count(), 3);
  EXPECT_EQ(prompts->all()[0].ids, tokenizer.encode("Hello, world!", true).value());
  EXPECT_EQ(prompts->all()[1].ids, tokenizer.encode(" the", true).value());
  EXPECT_EQ(prompts->all()[2].line, 4);
  EXPECT_EQ(prompts->longest().line, 1);
  EXPECT_EQ(prompts->largest_id(), 1800);
}

TEST_F(PromptsFile, cutting_leaves_the_first_tokens_and_counts_the_prompts_that_were_longer) {
  auto prompts = read("Hello, world!\nthe\n").value();
  const std::vector<TokenId> whole = prompts.all()[0].ids;
  ASSERT_GT(whole.size(), 3U);
  EXPECT_EQ(prompts.cut_to(3), 1);
  EXPECT_EQ(prompts.all()[0].ids, std::vector<TokenId>(whole.begin(), whole.begin() + 3));
  EXPECT_EQ(prompts.tokens(), 5);
}

TEST_F(PromptsFile, the_digest_changes_with_the_ids_and_with_where_prompts_end) {
  const std::string digest = read("a b\nc\n")->digest();
  EXPECT_EQ(read("a b\r\nc")->digest(), digest);
  EXPECT_NE(read("a b\nd\n")->digest(), digest);
  EXPECT_NE(read("a b\n")->digest(), digest);
  EXPECT_NE(read("c\na b\n")->digest(), digest);
}

TEST_F(PromptsFile, a_file_without_a_prompt_is_an_error) {
  for (const char* const bytes : {"", "\n\r\n\n"}) {
    const Error error = error_of(bytes);
    EXPECT_EQ(error.kind, ErrorKind::usage);
    EXPECT_THAT(error.message, HasSubstr("prompts.txt holds no prompt"));
  }
}

TEST_F(PromptsFile, a_line_that_is_not_utf8_is_named) {
  EXPECT_THAT(error_of("one\n\ntwo\xFF\n").message,
              HasSubstr("prompts.txt: line 3: byte 4 of the text is not"));
}

TEST_F(PromptsFile, one_that_cannot_be_read_is_an_error) {
  EXPECT_THAT(Prompts::read("/nowhere/prompts.txt", tokenizer).error().message,
              HasSubstr("cannot open /nowhere/prompts.txt"));
}

}  // namespace
}  // namespace batchfit::text
