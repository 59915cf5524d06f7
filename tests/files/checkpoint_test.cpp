#include "files/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "support/temporary_folder.h"

namespace batchfit::files {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// A safetensors file of float32 vectors of two values.
std::string shard(const std::vector<std::string>& names) {
  Json header;
  std::int64_t offset = 0;
  for (const std::string& name : names) {
    header[name] = {{"dtype", "F32"}, {"shape", {2}}, {"data_offsets", {offset, offset + 8}}};
    offset += 8;
  }
  const std::string text = header.dump();
  const std::uint64_t length = text.size();
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + text + std::string(static_cast<std::size_t>(offset), '\1');
}

class Folder : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& content) {
    test::write_bytes(folder_ / name, content);
  }
  /// Two shards, a and b in the first and c in the second.
  void write_shards() {
    write("config.json", R"({"model_type": "llama"})");
    write("model-1.safetensors", shard({"a", "b"}));
    write("model-2.safetensors", shard({"c"}));
    write_index({{"a", "model-1.safetensors"}, {"b", "model-1.safetensors"}, {"c", "model-2.safetensors"}});
  }
  void write_index(const std::map<std::string, std::string>& map) {
    write("model.safetensors.index.json", Json{{"weight_map", map}}.dump());
  }
  std::string refusal() {
    const auto opened = Checkpoint::open(folder_.path());
    return opened ? "opened" : opened.error().text();
  }

  test::TemporaryFolder folder_;
};

TEST_F(Folder, of_one_file_gives_its_tensors_and_its_configuration) {
  write("config.json", R"({"model_type": "llama"})");
  write("model.safetensors", shard({"a", "b"}));
  const auto checkpoint = Checkpoint::open(folder_.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().text();
  EXPECT_EQ((*checkpoint)->config().at("model_type"), "llama");
  EXPECT_EQ((*checkpoint)->tensors().size(), 2U);
  ASSERT_NE((*checkpoint)->find("b"), nullptr);
  EXPECT_EQ((*checkpoint)->find("b")->bytes.size(), 8U);
  EXPECT_EQ((*checkpoint)->find("z"), nullptr);
}

TEST_F(Folder, of_shards_gives_the_tensors_of_all) {
  write_shards();
  const auto checkpoint = Checkpoint::open(folder_.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().text();
  for (const char* name : {"a", "b", "c"}) EXPECT_NE((*checkpoint)->find(name), nullptr) << name;
}

TEST_F(Folder, whose_index_names_a_missing_file_is_refused) {
  write_shards();
  fs::remove(folder_.path() / "model-2.safetensors");
  EXPECT_THAT(refusal(), HasSubstr("it names model-2.safetensors, which is missing"));
}

TEST_F(Folder, whose_index_leads_out_of_it_is_refused) {
  write_shards();
  write_index({{"a", "../model-1.safetensors"}});
  EXPECT_THAT(refusal(), HasSubstr("'a' is in no file of this folder"));
}

TEST_F(Folder, whose_index_names_a_tensor_that_its_shard_lacks_is_refused) {
  write_shards();
  write_index({{"d", "model-1.safetensors"}});
  EXPECT_THAT(refusal(), HasSubstr("model-1.safetensors holds no tensor 'd'"));
}

TEST_F(Folder, with_a_truncated_shard_is_refused) {
  write_shards();
  const std::string whole = shard({"a", "b"});
  write("model-1.safetensors", whole.substr(0, whole.size() - 1));
  EXPECT_THAT(refusal(), HasSubstr("model-1.safetensors: the safetensors file has a damaged entry"));
}

TEST_F(Folder, with_a_configuration_that_is_no_json_is_refused) {
  write_shards();
  write("config.json", "{");
  EXPECT_THAT(refusal(), HasSubstr("config.json: this is no JSON object"));
}

TEST_F(Folder, without_weights_is_refused) {
  write("config.json", "{}");
  EXPECT_THAT(refusal(), HasSubstr("neither model.safetensors nor model.safetensors.index.json"));
}

}  // namespace
}  // namespace batchfit::files
