#include "base/units.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace batchfit {
namespace {

TEST(Units, binary_and_decimal_units_of_memory_are_told_apart) {
  EXPECT_EQ(parse_bytes("8GiB").value(), 8 * gibibyte);
  EXPECT_EQ(parse_bytes("8 gb").value(), 8'000'000'000);
  EXPECT_EQ(parse_bytes("1.5MiB").value(), 3 * mebibyte / 2);
  EXPECT_EQ(parse_bytes("4096").value(), 4096);
}

TEST(Units, what_is_no_amount_of_memory_is_a_usage_error_with_a_remedy) {
  for (const char* text : {"", "GiB", "-1GiB", "8 bananas", "nan", "1e300GiB", "8GiBx"}) {
    const auto parsed = parse_bytes(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::usage) << text;
    EXPECT_FALSE(parsed.error().remedy.empty()) << text;
  }
}

TEST(Units, a_duration_needs_a_unit) {
  EXPECT_DOUBLE_EQ(parse_seconds("50ms").value(), 0.05);
  EXPECT_DOUBLE_EQ(parse_seconds("2min").value(), 120);
  EXPECT_FALSE(parse_seconds("50"));
  EXPECT_FALSE(parse_seconds("-1s"));
}

TEST(Units, people_see_three_digits) {
  EXPECT_EQ(format_bytes(700 * mebibyte), "700 MiB");
  EXPECT_EQ(format_bytes(gibibyte * 35 / 2), "17.5 GiB");
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_seconds(0.0010049), "1.00 ms");
  EXPECT_EQ(format_seconds(0.0362), "36.2 ms");
  EXPECT_EQ(format_seconds(12.44), "12.4 s");
}

TEST(Text, a_slip_of_the_fingers_finds_the_name_that_was_meant) {
  const std::vector<std::string> models{"resnet50", "vit_b_16", "yolo11n-pose"};
  EXPECT_EQ(nearest("resnet5", models), (std::vector<std::string>{"resnet50"}));
  EXPECT_EQ(nearest("vit_b16", models), (std::vector<std::string>{"vit_b_16"}));
  EXPECT_EQ(nearest("ersnet50", models), (std::vector<std::string>{"resnet50"}));
  EXPECT_TRUE(nearest("gpt4", models).empty());
}

}  // namespace
}  // namespace batchfit
