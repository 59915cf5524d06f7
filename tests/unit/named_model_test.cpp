// A model of the command line, with a mode or without.
#include "cli/named_model.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace batchfit {
namespace {

TEST(NamedModels, name_their_mode_after_the_last_colon) {
  EXPECT_EQ(parse_model("llama-3-8b-nf4:decode"), (NamedModel{"llama-3-8b-nf4", "decode"}));
  EXPECT_EQ(parse_model("my:model:prefill"), (NamedModel{"my:model", "prefill"}));
}

TEST(NamedModels, without_a_mode_leave_it_to_the_option) {
  EXPECT_EQ(parse_model("resnet50"), (NamedModel{"resnet50", {}}));
  EXPECT_EQ(parse_model("folder/model.ts"), (NamedModel{"folder/model.ts", {}}));
}

TEST(NamedModels, are_whole_where_no_mode_could_stand_after_the_colon) {
  for (const std::string text : {"a:b/model.ts", "model:", ":decode", "model:Q4.K"}) {
    EXPECT_EQ(parse_model(text), (NamedModel{text, {}}));
  }
}

TEST(NamedModels, are_whole_where_a_file_has_the_name) {
  const std::string path = testing::TempDir() + "model:decode";
  std::ofstream(path) << "a file";
  EXPECT_EQ(parse_model(path), (NamedModel{path, {}}));
  std::filesystem::remove(path);
  EXPECT_EQ(parse_model(path), (NamedModel{testing::TempDir() + "model", "decode"}));
}

}  // namespace
}  // namespace batchfit
