#include "cli/batch_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batchfit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

TEST(BatchList, a_factor_multiplies_from_the_first_to_the_last) {
  EXPECT_THAT(parse_batches("1-256*2").value(), ElementsAre(1, 2, 4, 8, 16, 32, 64, 128, 256));
  EXPECT_THAT(parse_batches("3-20*3").value(), ElementsAre(3, 9));
}

TEST(BatchList, ranges_and_single_batches_mix_and_come_out_ascending_and_distinct) {
  EXPECT_THAT(parse_batches("1-4").value(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(parse_batches("64,8,1").value(), ElementsAre(1, 8, 64));
  EXPECT_THAT(parse_batches("1-8*2,3-5,4").value(), ElementsAre(1, 2, 3, 4, 5, 8));
}

TEST(BatchList, what_names_no_batches_is_a_usage_error_that_quotes_it) {
  for (const char* text : {"", ",", "1,", "0", "-4", "8-1", "1-8*1", "1-8*", "1-*2", "two", "1 - 8",
                           "99999999999999999999", "1-4*2*2"}) {
    const auto batches = parse_batches(text);
    ASSERT_FALSE(batches) << text;
    EXPECT_EQ(batches.error().kind, ErrorKind::usage);
    EXPECT_THAT(batches.error().message, HasSubstr("'" + std::string(text) + "'"));
  }
}

TEST(BatchList, more_than_a_thousand_are_refused_rather_than_run) {
  EXPECT_THAT(parse_batches("1-1000").value(), SizeIs(1000));
  EXPECT_FALSE(parse_batches("1-1001"));
  EXPECT_FALSE(parse_batches("1-2000000000"));
}

}  // namespace
}  // namespace batchfit
