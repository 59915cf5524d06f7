// --shape and --input as the command line has them.
#include "cli/shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "facts/model_input.h"

namespace batchfit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Shapes, a_range_is_measured_at_its_largest_and_says_so) {
  const auto shapes = parse_shapes({"length=128:2048", "size=224"});
  ASSERT_TRUE(shapes) << shapes.error().text();
  EXPECT_EQ(shapes->sizes, (std::map<std::string, std::int64_t>{{"length", 2048}, {"size", 224}}));
  EXPECT_THAT(shapes->notes, ElementsAre(HasSubstr("length: 128 to 2048, measured at 2048")));
}

TEST(Shapes, a_range_of_one_size_is_that_size) {
  EXPECT_THAT(parse_shapes({"length=64:64"})->notes, IsEmpty());
}

TEST(Shapes, what_is_no_size_is_a_usage_error_that_names_it) {
  for (const char* text :
       {"length", "=5", "length=", "length=0", "length=-1", "length=5x", "length=9:5", "length=5:"}) {
    const auto shapes = parse_shapes({text});
    ASSERT_FALSE(shapes) << text;
    EXPECT_EQ(shapes.error().kind, ErrorKind::usage);
    EXPECT_THAT(shapes.error().message, HasSubstr(std::string("--shape ") + text));
  }
  EXPECT_FALSE(parse_shapes({"length=5", "length=6"}));
}

TEST(ModelInputs, a_shape_may_name_its_dtype) {
  EXPECT_EQ(parse_model_input("3x224x224").value(), (ModelInput{{3, 224, 224}, "", true}));
  EXPECT_EQ(parse_model_input("128:int64").value(), (ModelInput{{128}, "int64", true}));
  EXPECT_EQ(text_of(parse_model_input("3x224x224:fp16").value()), "3x224x224:fp16");
}

TEST(ModelInputs, what_is_no_input_is_a_usage_error_that_names_it) {
  for (const char* text : {"", "3x", "x3", "3x0", "3x224:int5", "3,224", "3x224:"}) {
    const auto input = parse_model_input(text);
    ASSERT_FALSE(input) << text;
    EXPECT_EQ(input.error().kind, ErrorKind::usage);
    EXPECT_THAT(input.error().message, HasSubstr(std::string("--input ") + text));
  }
}

TEST(ModelInputs, they_come_back_from_json_as_they_went) {
  for (const ModelInput& input : {ModelInput{{3, 4}, "bf16", true}, ModelInput{{}, "", false}}) {
    EXPECT_EQ(model_input_from_json(to_json(input)).value(), input);
  }
  for (const char* text : {"{}", "[]", R"({"shape":[0]})", R"({"shape":[3],"dtype":"int5"})"}) {
    EXPECT_FALSE(model_input_from_json(Json::parse(text))) << text;
  }
}

}  // namespace
}  // namespace batchfit
