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
using testing::Not;

using Sizes = std::map<std::string, std::int64_t>;

std::vector<InputSizes> parsed(const std::vector<std::string>& texts) {
  auto shapes = parse_shapes(texts);
  EXPECT_TRUE(shapes) << shapes.error().text();
  return shapes.value_or(std::vector<InputSizes>{});
}

TEST(Shapes, none_given_is_one_workload_with_the_models_own_sizes) {
  ASSERT_EQ(parsed({}).size(), 1U);
  EXPECT_THAT(parsed({}).front().sizes, IsEmpty());
  EXPECT_THAT(parsed({}).front().distribution, IsEmpty());
}

TEST(Shapes, a_list_is_a_workload_each_and_two_lists_are_their_product) {
  const auto one = parsed({"length=128,512", "size=224"});
  ASSERT_EQ(one.size(), 2U);
  EXPECT_EQ(one[0].sizes, (Sizes{{"length", 128}, {"size", 224}}));
  EXPECT_EQ(one[1].sizes, (Sizes{{"length", 512}, {"size", 224}}));
  const auto two = parsed({"length=128,512", "size=1,2,3"});
  ASSERT_EQ(two.size(), 6U);
  EXPECT_EQ(two[5].sizes, (Sizes{{"length", 512}, {"size", 3}}));
}

TEST(Shapes, a_range_is_tuned_at_its_largest_and_spread_evenly) {
  const auto shapes = parsed({"length=128:2048", "size=224"});
  ASSERT_EQ(shapes.size(), 1U);
  EXPECT_EQ(shapes[0].sizes, (Sizes{{"length", 2048}, {"size", 224}}));
  EXPECT_EQ(shapes[0].told, "length 128 to 2048");
  std::vector<std::int64_t> lengths;
  for (const auto& [sizes, weight] : shapes[0].distribution) {
    lengths.push_back(sizes.at("length"));
    EXPECT_EQ(sizes.at("size"), 224);
    EXPECT_EQ(weight, 1);
  }
  EXPECT_THAT(lengths, ElementsAre(368, 848, 1328, 1808));
}

TEST(Shapes, a_range_of_few_sizes_is_all_of_them) {
  const auto shapes = parsed({"length=3:5"});
  EXPECT_THAT(shapes[0].distribution,
              ElementsAre(WeightedSizes{{{"length", 3}}, 1}, WeightedSizes{{{"length", 4}}, 1},
                          WeightedSizes{{{"length", 5}}, 1}));
  EXPECT_THAT(parsed({"length=64:64"})[0].distribution, IsEmpty());
}

TEST(Shapes, weights_say_how_often_a_size_comes_and_the_largest_is_tuned) {
  const auto shapes = parsed({"length=2048*1:128*6:512*2.5"});
  EXPECT_EQ(shapes[0].sizes, (Sizes{{"length", 2048}}));
  EXPECT_THAT(shapes[0].distribution,
              ElementsAre(WeightedSizes{{{"length", 2048}}, 1}, WeightedSizes{{{"length", 128}}, 6},
                          WeightedSizes{{{"length", 512}}, 2.5}));
  EXPECT_EQ(shapes[0].told, "length 2048*1, 128*6, 512*2.5");
}

TEST(Shapes, a_list_beside_a_distribution_is_a_distribution_for_each_of_the_list) {
  for (const auto& texts : {std::vector<std::string>{"mode=1,2", "length=8*1:16*3"},
                            std::vector<std::string>{"length=8*1:16*3", "mode=1,2"}}) {
    const auto shapes = parsed(texts);
    ASSERT_EQ(shapes.size(), 2U);
    EXPECT_EQ(shapes[1].sizes, (Sizes{{"length", 16}, {"mode", 2}}));
    EXPECT_THAT(shapes[1].distribution, ElementsAre(WeightedSizes{{{"length", 8}, {"mode", 2}}, 1},
                                                    WeightedSizes{{{"length", 16}, {"mode", 2}}, 3}));
  }
}

TEST(Shapes, two_distributions_are_independent_of_each_other) {
  const auto shapes = parsed({"height=1*2:2*3", "width=5*1:9*10"});
  ASSERT_EQ(shapes.size(), 1U);
  EXPECT_EQ(shapes[0].sizes, (Sizes{{"height", 2}, {"width", 9}}));
  ASSERT_EQ(shapes[0].distribution.size(), 4U);
  EXPECT_EQ(shapes[0].distribution[3], (WeightedSizes{{{"height", 2}, {"width", 9}}, 30}));
  EXPECT_EQ(shapes[0].told, "height 1*2, 2*3; width 5*1, 9*10");
}

TEST(Shapes, what_is_no_size_is_a_usage_error_that_names_it) {
  for (const char* text :
       {"length",         "=5",           "length=",          "length=0",         "length=-1",
        "length=5x",      "length=9:5",   "length=5:",        "length=:5",        "length=1:2:3",
        "length=1,",      "length=,1",    "length=1,2,1",     "length=1,2:3",     "length=1*2,3*4",
        "length=1*0:2*1", "length=1*-1",  "length=1*nan:2*1", "length=1*inf:2*1", "length=1*:2*1",
        "length=*2:1*1",  "length=1*2:5", "length=1*2:1*3",   "length=1*2:0*3",   "length=1*1e999:2*1"}) {
    const auto shapes = parse_shapes({text});
    ASSERT_FALSE(shapes) << text;
    EXPECT_EQ(shapes.error().kind, ErrorKind::usage);
    EXPECT_THAT(shapes.error().message, HasSubstr(std::string("--shape ") + text));
    EXPECT_THAT(shapes.error().remedy, Not(IsEmpty()));
  }
  EXPECT_FALSE(parse_shapes({"length=5", "length=6"}));
}

TEST(Shapes, more_combinations_than_anybody_waits_for_are_refused) {
  const std::string ten = "1,2,3,4,5,6,7,8,9,10";
  EXPECT_TRUE(parse_shapes({"a=" + ten, "b=" + ten}));
  EXPECT_FALSE(parse_shapes({"a=" + ten, "b=" + ten, "c=" + ten}));
  EXPECT_FALSE(parse_shapes({"a=" + ten, "b=1:99", "c=1:99", "d=1:99"}));
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
