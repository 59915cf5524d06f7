#include "worker/identity.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "worker/process.h"

namespace batchfit {
namespace {

namespace fs = std::filesystem;

class Identity : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("identity of " + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path file(const std::string& name, const std::string& bytes) {
    EXPECT_TRUE(write_file_atomically(folder_ / name, bytes));
    return folder_ / name;
  }
  fs::path folder_;
};

TEST_F(Identity, words_are_the_shells) {
  EXPECT_EQ(command_words(R"(python -m "a b" 'c "d"' e\ f '')"),
            (std::vector<std::string>{"python", "-m", "a b", "c \"d\"", "e f", ""}));
  EXPECT_EQ(command_words(shell_quoted("it's \\ \"here\"")), (std::vector<std::string>{"it's \\ \"here\""}));
  EXPECT_TRUE(command_words("  ").empty());
}

TEST_F(Identity, names_the_program_and_every_file_of_the_command) {
  const fs::path model = file("my model.py", "x");
  const auto identity = identify("A=1 sh -x missing " + shell_quoted(model.string() + ":load"));
  ASSERT_EQ(identity.files.size(), 2U);
  EXPECT_EQ(fs::path(identity.files[0].path).filename(), "sh");
  EXPECT_EQ(identity.files[1].path, model.string());
  EXPECT_EQ(identity.files[1].size, 1);
}

TEST_F(Identity, of_a_folder_is_that_of_each_file_in_it_by_name) {
  const fs::path second = file("b.safetensors", "x"), first = file("a.json", "x");
  fs::create_directory(folder_ / "c");
  const auto files = identify_files(folder_.string());
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0], *identify_file(first.string()));
  EXPECT_EQ(files[1], *identify_file(second.string()));
  EXPECT_EQ(identify_files(first.string()).size(), 1U);
  EXPECT_TRUE(identify_files((folder_ / "missing").string()).empty());
}

TEST_F(Identity, changes_with_a_file_and_with_a_setting) {
  const fs::path model = file("model.py", "x");
  const std::string command = "sh " + shell_quoted(model.string());
  const auto before = identify(command);
  EXPECT_EQ(identify(command), before);
  EXPECT_EQ(to_json(identify(command)).dump(), to_json(before).dump());
  ::setenv("NVIDIA_TF32_OVERRIDE", "0", 1);
  EXPECT_NE(identify(command), before);
  ::unsetenv("NVIDIA_TF32_OVERRIDE");
  file("model.py", "y");  // another inode, the same size
  EXPECT_NE(identify(command), before);
}

}  // namespace
}  // namespace batchfit
