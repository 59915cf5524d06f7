#include "files/weights_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "elements.h"
#include "facts/json.h"

namespace batchfit::files {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

std::string data(const std::string& name) { return BATCHFIT_TEST_DATA "/weights/" + name; }

std::shared_ptr<const WeightsFile> open(const std::string& name) {
  auto file = WeightsFile::open(data(name));
  EXPECT_TRUE(file) << file.error().text();
  return file ? *file : nullptr;
}

std::string refusal(const std::string& name) {
  const auto file = WeightsFile::open(data(name));
  return file ? "opened" : file.error().text();
}

void flatten(const Json& json, std::vector<double>& out) {
  if (json.is_number()) out.push_back(json.get<double>());
  for (const Json& item : json.is_array() ? json : Json::array()) flatten(item, out);
}

/// Every tensor of the file is as tiny-state-dict.json describes it.
void expect_the_tiny_state_dict(const WeightsFile& file) {
  const Json json = parse_json(read_file(data("tiny-state-dict.json")).value()).value();
  const Json& entries = json.at("entries");
  ASSERT_EQ(file.tensors().size(), entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const NamedTensor& tensor = file.tensors()[i];
    const Json& entry = entries[i];
    EXPECT_EQ(tensor.name, entry.at("name").get<std::string>());
    EXPECT_EQ(name_of(tensor.type), entry.at("dtype").get<std::string>());
    EXPECT_EQ(tensor.shape, entry.at("shape").get<std::vector<std::int64_t>>());
    EXPECT_EQ(tensor.strides, entry.at("stride").get<std::vector<std::int64_t>>());
    std::vector<double> expected;
    flatten(entry.at("values"), expected);
    const std::vector<double> values = values_of(tensor);
    ASSERT_EQ(values.size(), expected.size());
    for (std::size_t k = 0; k < values.size(); ++k) {
      EXPECT_FLOAT_EQ(static_cast<float>(values[k]), static_cast<float>(expected[k])) << tensor.name;
    }
  }
}

class Formats : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, Formats,
                         testing::Values("tiny-state-dict.pth", "tiny-state-dict-legacy.pth", "zip64.pth",
                                         "streamed.pth"));

TEST_P(Formats, give_the_same_tensors_with_their_dtypes_strides_and_values) {
  const auto file = open(GetParam());
  ASSERT_TRUE(file);
  expect_the_tiny_state_dict(*file);
}

TEST(WeightsFile, views_of_one_storage_are_views_of_the_same_bytes) {
  const auto file = open("tiny-state-dict.pth");
  const NamedTensor *whole = file->find("fc.weight"), *transposed = file->find("fc.weight_t"),
                    *slice = file->find("fc.slice");
  ASSERT_TRUE(whole && transposed && slice);
  EXPECT_EQ(whole->bytes.data(), transposed->bytes.data());
  EXPECT_EQ(slice->bytes.data(), whole->bytes.data() + 8 * sizeof(float));
  EXPECT_EQ(slice->bytes.size(), 9 * sizeof(float));  // rows 6 apart, of 3 elements
  EXPECT_EQ(file->find("fc.bias"), nullptr);
}

TEST(WeightsFile, other_dtypes_are_read_too) {
  const auto file = open("dtypes.pth");
  ASSERT_EQ(file->tensors().size(), 10U);
  for (const NamedTensor& tensor : file->tensors()) {
    EXPECT_EQ(name_of(tensor.type), tensor.name);
    if (tensor.name == "float8_e4m3fn") continue;
    const std::vector<double> values = values_of(tensor);
    ASSERT_EQ(values.size(), 6U);
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(values[i], tensor.name == "bool" ? std::min<double>(i, 1) : i) << tensor.name;
    }
  }
  EXPECT_EQ(values_of(open("protocol-4.pth")->tensors().front()).back(), 5);
}

TEST(WeightsFile, a_payload_that_is_a_call_is_refused_and_never_run) {
  testing::internal::CaptureStdout();
  const std::string said = refusal("malicious.pth");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_THAT(said, HasSubstr("malicious.pth: entry 'bias' is the result of calling posix.system, which is "
                              "never called here, where a tensor is expected"));
}

TEST(WeightsFile, what_cannot_be_read_is_refused_with_the_reason) {
  EXPECT_THAT(refusal("truncated.pth"), HasSubstr("the zip archive has no directory at its end"));
  EXPECT_THAT(refusal("compressed.pth"), HasSubstr("is compressed"));
  EXPECT_THAT(refusal("not-all-tensors.pth"), HasSubstr("entry 'big' is a number beyond 64 bits"));
  EXPECT_THAT(refusal("make_files.py"), HasSubstr("no file of weights of a known format"));
  EXPECT_THAT(refusal("missing.pth"), HasSubstr("No such file"));
  EXPECT_THAT(refusal("."), HasSubstr("it is no file"));
}

TEST(WeightsFile, the_digest_is_the_files_bytes) {
  EXPECT_EQ(open("tiny-state-dict.pth")->digest(), open("tiny-state-dict.pth")->digest());
  EXPECT_NE(open("tiny-state-dict.pth")->digest(), open("zip64.pth")->digest());
  EXPECT_THAT(open("zip64.pth")->digest(), testing::MatchesRegex("[0-9a-f]{16}"));
}

TEST(WeightsFile, a_checkpoints_module_gives_its_tensors_as_its_state_dict_would) {
  const auto file = open("module.pth");
  std::vector<std::string> names;
  for (const NamedTensor& tensor : file->tensors()) names.push_back(tensor.name);
  EXPECT_THAT(names, ElementsAre("0.conv.weight", "0.bn.weight", "0.bn.bias", "0.bn.running_mean",
                                 "0.bn.running_var", "0.bn.num_batches_tracked", "1.weight", "1.bias"));
  EXPECT_TRUE(file->module());
}

TEST(WeightsFile, an_ultralytics_checkpoint_is_read_past_its_calls) {
  const std::string folder = BATCHFIT_TEST_DATA "/yolo11n-pose/";
  const auto file = WeightsFile::open(folder + "yolo11n-pose-random.pt");
  ASSERT_TRUE(file) << file.error().text();
  const Json state = parse_json(read_file(folder + "yolo11n-pose-state.json").value()).value();
  const Json& tensors = state.at("tensors");
  ASSERT_EQ((*file)->tensors().size(), tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const NamedTensor& tensor = (*file)->tensors()[i];
    EXPECT_EQ(tensor.name, tensors[i].at("name").get<std::string>());
    EXPECT_EQ(name_of(tensor.type), tensors[i].at("dtype").get<std::string>());
    EXPECT_EQ(tensor.shape, tensors[i].at("shape").get<std::vector<std::int64_t>>());
    double sum = 0;
    for (const double value : values_of(tensor)) sum += value;
    EXPECT_NEAR(sum, tensors[i].at("sum").get<double>(), 1e-9 * std::abs(sum) + 1e-9) << tensor.name;
  }
}

}  // namespace
}  // namespace batchfit::files
