// Where the command line finds the weights of a model that the user named none for.
#include "cli/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace batchfit {
namespace {

using testing::HasSubstr;

class FindWeights : public testing::Test {
 protected:
  void put(const std::string& name) const { test::write_bytes(folder / name, "x"); }
  test::TemporaryFolder folder;
};

TEST_F(FindWeights, a_file_of_the_models_name_is_found) {
  for (const char* name : {"resnet50.pth", "vit_b_16.safetensors", "yolo11n-pose.pt"}) {
    put(name);
    EXPECT_EQ(find_weights(folder.path(), std::filesystem::path(name).stem()), (folder / name).string());
  }
}

TEST_F(FindWeights, the_name_of_torchvisions_download_is_known) {
  put("resnet50-0676ba61.pth");
  EXPECT_EQ(find_weights(folder.path(), "resnet50"), (folder / "resnet50-0676ba61.pth").string());
}

TEST_F(FindWeights, other_files_and_a_missing_folder_mean_random_weights) {
  for (const char* name : {"resnet50.txt", "resnet50-old.pth", "resnet5.pth", "resnet50-0676ba61.pt"})
    put(name);
  EXPECT_EQ(find_weights(folder.path(), "resnet50"), "random");
  EXPECT_EQ(find_weights(folder / "none", "resnet50"), "random");
}

TEST_F(FindWeights, a_folder_with_a_configuration_is_found_by_its_name) {
  std::filesystem::create_directory(folder / "llama-3-8b-nf4");
  EXPECT_EQ(find_weights(folder.path(), "llama-3-8b-nf4"), "random");
  put("llama-3-8b-nf4/config.json");
  EXPECT_EQ(find_weights(folder.path(), "llama-3-8b-nf4"), (folder / "llama-3-8b-nf4").string());
}

TEST_F(FindWeights, several_files_are_a_usage_error_that_names_them) {
  put("resnet50.pth");
  put("resnet50.safetensors");
  const auto found = find_weights(folder.path(), "resnet50");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::usage);
  EXPECT_THAT(found.error().message, HasSubstr("resnet50.pth and "));
  EXPECT_THAT(found.error().message, HasSubstr("resnet50.safetensors"));
}

}  // namespace
}  // namespace batchfit
