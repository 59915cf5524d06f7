#include "text/text_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "facts/json.h"
#include "support/temporary_folder.h"

namespace batchfit::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::filesystem::path data = BATCHFIT_TEST_DATA "/tokenizer";

class TextReference : public testing::Test {
 protected:
  TextReference() {
    std::filesystem::copy_file(data / "tokenizer.json", folder_.path() / "tokenizer.json");
    reference = parse_json(read_file(data / "reference.json").value()).value();
  }

  Result<TextAgreement> compared() {
    EXPECT_TRUE(write_file_atomically(folder_.path() / "reference.json", reference.dump()));
    EXPECT_TRUE(is_text_reference(folder_.path()));
    return compare_with_reference(folder_.path());
  }

  Json reference;

 private:
  test::TemporaryFolder folder_;
};

TEST_F(TextReference, every_text_agrees) {
  const auto agreement = compared();
  ASSERT_TRUE(agreement);
  EXPECT_EQ(agreement->agreeing(), 269);
  EXPECT_THAT(agreement->differences, ElementsAre());
}

TEST_F(TextReference, each_text_that_differs_is_named_with_what_differs) {
  reference[4]["ids"][1] = 7;
  reference[5]["ids_without_special"] = Json::array();
  reference[6]["decoded"] = "other";
  const auto agreement = compared();
  ASSERT_TRUE(agreement);
  EXPECT_EQ(agreement->agreeing(), 266);
  EXPECT_THAT(agreement->differences,
              ElementsAre(HasSubstr("text 5, \"Hello, world!\": the ids are 1800 "),
                          HasSubstr("text 6, \"I'll say WE'RE it's O'Clock 'S\": the ids without special"),
                          HasSubstr("text 7, ")));
}

TEST_F(TextReference, an_entry_of_another_layout_is_an_error_that_counts_it) {
  reference[2].erase("ids");
  const auto agreement = compared();
  ASSERT_FALSE(agreement);
  EXPECT_EQ(agreement.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(agreement.error().message, HasSubstr("entry 3: text has no 'ids'"));
}

TEST_F(TextReference, a_folder_without_a_tokenizer_or_with_a_models_reference_is_none) {
  EXPECT_FALSE(is_text_reference(BATCHFIT_TEST_DATA "/tiny-llama-nf4"));
  EXPECT_FALSE(is_text_reference("/nowhere"));
}

}  // namespace
}  // namespace batchfit::text
