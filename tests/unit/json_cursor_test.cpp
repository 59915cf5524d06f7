#include "base/json_cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace batchfit {
namespace {

using testing::HasSubstr;

std::string read_string(const std::string& text) {
  JsonCursor cursor(text);
  std::string out = cursor.string();
  cursor.end();
  return cursor.failed() ? "failed: " + *cursor.error() : out;
}

TEST(JsonCursor, strings_are_read_as_any_other_reader_reads_them) {
  for (const char* text : {R"("")", R"("plain")", R"("a\"b\\c\/d\b\f\n\r\t")",
                           R"("\u00e9\u20ac\ud83d\ude00")", "\"é€😀\"", R"("\\")", R"("\\\"")"}) {
    EXPECT_EQ(read_string(text), nlohmann::json::parse(text).get<std::string>()) << text;
  }
  EXPECT_EQ(read_string(R"("\ud83d")"), "\uFFFD") << "half a pair";
  for (const char* text : {"\"open", R"("\)", R"("\x")", R"("\u12")", "plain", ""})
    EXPECT_THAT(read_string(text), HasSubstr("failed: ")) << text;
}

TEST(JsonCursor, numbers_are_read_whole_or_not_at_all) {
  JsonCursor good("[1e3, -2.5, 0.1]");
  std::vector<double> numbers;
  good.array([&] { numbers.push_back(good.number()); });
  EXPECT_THAT(numbers, testing::ElementsAre(1000, -2.5, 0.1));
  for (const char* text : {"1x", "--1", "1e999", "nan", "\"1\"", "", "true"}) {
    JsonCursor cursor(text);
    cursor.number();
    EXPECT_TRUE(cursor.failed()) << text;
  }
  for (const char* text : {"-1", "1.5", "99999999999999999999"}) {
    JsonCursor cursor(text);
    cursor.integer();
    EXPECT_TRUE(cursor.failed()) << text;
  }
}

TEST(JsonCursor, what_is_not_asked_for_is_passed_over_whole) {
  const std::string text = R"({"skip": {"a": [1, "]}", {"b": null}]}, "keep": 7, "also": "}"})";
  JsonCursor cursor(text);
  std::int64_t kept = 0;
  std::string skipped;
  cursor.object([&](std::string_view key) {
    if (key == "keep") {
      kept = cursor.integer();
    } else {
      skipped += cursor.raw();
    }
  });
  cursor.end();
  EXPECT_FALSE(cursor.failed());
  EXPECT_EQ(kept, 7);
  EXPECT_EQ(skipped, R"({"a": [1, "]}", {"b": null}]}"}")");
}

TEST(JsonCursor, the_first_error_stops_it_and_says_where) {
  JsonCursor cursor("[1, 2 3]");
  int read = 0;
  cursor.array([&] {
    cursor.integer();
    ++read;
  });
  EXPECT_EQ(read, 2);
  EXPECT_EQ(*cursor.error(), "',' is missing (byte 6)");
  EXPECT_EQ(cursor.string(), "");
  EXPECT_EQ(*cursor.error(), "',' is missing (byte 6)") << "the first one stays";
}

TEST(JsonCursor, nesting_without_end_is_an_error) {
  const std::string deep(1'000'000, '[');
  JsonCursor cursor(deep);
  cursor.raw();
  EXPECT_THAT(*cursor.error(), HasSubstr("ends too early"));
}

}  // namespace
}  // namespace batchfit
