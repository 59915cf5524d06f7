#include "files/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "elements.h"

namespace batchfit::files {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string file_of(const std::string& header, const std::string& data) {
  std::string file(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, sizeof(length));
  return file + header + data;
}

Result<std::vector<NamedTensor>> read(const std::string& file) {
  return read_safetensors({reinterpret_cast<const std::byte*>(file.data()), file.size()});
}

std::string refusal(const std::string& header, const std::string& data = std::string(16, '\0')) {
  const auto tensors = read(file_of(header, data));
  return tensors ? "read" : tensors.error().message;
}

TEST(Safetensors, tensors_are_read_with_their_dtypes_and_shapes) {
  std::string data(12, '\0');
  const float values[] = {1.5F, -2.0F};
  std::memcpy(data.data(), values, sizeof(values));
  data[8] = 7;
  const std::string file =
      file_of(R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
              R"("n":{"dtype":"I32","shape":[],"data_offsets":[8,12]}})",
              data);
  const auto tensors = read(file);
  ASSERT_TRUE(tensors) << tensors.error().text();
  ASSERT_EQ(tensors->size(), 2U);
  EXPECT_EQ((*tensors)[0].name, "n");
  EXPECT_THAT(values_of((*tensors)[0]), ElementsAre(7));
  EXPECT_THAT((*tensors)[1].shape, ElementsAre(1, 2));
  EXPECT_THAT((*tensors)[1].strides, ElementsAre(2, 1));
  EXPECT_THAT(values_of((*tensors)[1]), ElementsAre(1.5, -2));
}

TEST(Safetensors, what_does_not_add_up_is_refused_with_the_entrys_name) {
  EXPECT_THAT(refusal(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})"),
              HasSubstr("'w': its offsets"));
  EXPECT_THAT(refusal(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}})"),
              HasSubstr("outside the file"));
  EXPECT_THAT(refusal(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})"), HasSubstr("its offsets"));
  EXPECT_THAT(refusal(R"({"w":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}})"), HasSubstr("dtype 'F33'"));
  EXPECT_THAT(refusal(R"({"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})"), HasSubstr("'w'"));
  EXPECT_THAT(refusal(R"({"w":{"dtype":"F32","data_offsets":[0,8]}})"), HasSubstr("has no 'shape'"));
  EXPECT_THAT(refusal(R"({"w":{"dtype":"F32","shape":[1125899906842624,1048576],"data_offsets":[0,0]}})"),
              HasSubstr("beyond all bounds"));
  EXPECT_THAT(refusal(R"({"v":{"dtype":"U8","shape":[9],"data_offsets":[0,9]},)"
                      R"("w":{"dtype":"U8","shape":[8],"data_offsets":[8,16]}})"),
              HasSubstr("share bytes, 'w'"));
}

TEST(Safetensors, what_nests_without_end_is_left_out_and_not_kept) {
  const std::string nested = std::string(1000, '[') + std::string(1000, ']');
  EXPECT_THAT(refusal(R"({"w":{"dtype":"F32","shape":)" + nested + R"(,"data_offsets":[0,8]}})"),
              HasSubstr("'shape'"));
  EXPECT_EQ(refusal(R"({"__metadata__":{"deep":)" + nested + "}}"), "read");
}

TEST(Safetensors, a_header_that_is_none_is_refused) {
  EXPECT_THAT(refusal("{]"), HasSubstr("no JSON object"));
  EXPECT_THAT(refusal("[]"), HasSubstr("does not begin with a header"));
  EXPECT_THAT(read("short").error().message, HasSubstr("does not begin with a header"));
  EXPECT_THAT(read(std::string("\xff\xff\x00\x00\x00\x00\x00\x00{}", 10)).error().message,
              HasSubstr("ends in the middle of its header"));
  EXPECT_THAT(read(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10)).error().message,
              HasSubstr("does not begin with a header"));
}

}  // namespace
}  // namespace batchfit::files
