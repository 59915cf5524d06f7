#include <ATen/ops/empty.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "base/file.h"
#include "facts/json.h"
#include "loaded_model.h"
#include "models/model.h"
#include "reference.h"
#include "weights.h"

namespace batchfit {
namespace {

using testing::HasSubstr;

Json test_data(const char* name) {
  return parse_json(read_file(std::string(BATCHFIT_TEST_DATA "/") + name).value()).value();
}

/// CRC-32 as zlib computes it (ISO 3309, reflected polynomial 0xEDB88320).
std::uint32_t crc32(const void* data, std::size_t size) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      std::uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xEDB88320U ^ (c >> 1) : c >> 1;
      entries[i] = c;
    }
    return entries;
  }();
  std::uint32_t crc = ~0U;
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < size; ++i) crc = table[(crc ^ bytes[i]) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

struct Entry {
  std::string name;
  std::vector<std::int64_t> shape;
  bool operator==(const Entry&) const = default;
};

/// Writes down what a model asks for; tensors are empty on the meta device, so nothing is computed.
class RecordingWeights : public Weights {
 public:
  RecordingWeights() : Weights(at::kMeta) {}
  std::vector<Entry> asked;

 private:
  Result<at::Tensor> find(const std::string& name, at::IntArrayRef shape, at::ScalarType /*dtype*/) override {
    asked.push_back({name, shape.vec()});
    return at::empty(shape, at::TensorOptions().device(at::kMeta).dtype(at::kFloat));
  }
};

class Models : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(All, Models, testing::Values("resnet50", "vit_b_16"),
                         [](const auto& instance) { return instance.param; });

TEST_P(Models, ask_for_the_entries_of_torchvisions_state_dict_in_its_order) {
  std::vector<Entry> expected;
  const Json state = test_data("torchvision-state.json");
  for (const Json& entry : state.at(GetParam()).at("entries")) {
    if (entry.contains("k")) expected.push_back({entry.at("name"), entry.at("shape")});
  }
  RecordingWeights weights;
  const c10::InferenceMode no_gradients;
  find_model(GetParam()).value()->build(weights, {});
  EXPECT_EQ(weights.asked, expected);
}

TEST_P(Models, are_filled_by_the_hash_rule_bit_for_bit) {
  const Json state = test_data("torchvision-state.json");
  HashWeights weights(at::kCPU);
  for (const Json& entry : state.at(GetParam()).at("entries")) {
    if (!entry.contains("k")) continue;
    const std::string name = entry.at("name");
    const at::Tensor values = weights.get(name, entry.at("shape").get<std::vector<std::int64_t>>());
    const auto* first = values.const_data_ptr<float>();
    const std::vector<float> expected = entry.at("first");
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_FLOAT_EQ(first[i], expected[i]) << name;
    EXPECT_EQ(crc32(first, values.nbytes()), entry.at("crc32").get<std::uint32_t>()) << name;
  }
}

TEST(HashInput, is_the_rules_input_bit_for_bit) {
  const at::Tensor input = hash_input();
  EXPECT_EQ(crc32(input.const_data_ptr(), input.nbytes()),
            test_data("torchvision-logits.json").at("input_crc32").get<std::uint32_t>());
}

TEST(RandomWeights, the_seed_decides_and_values_keep_their_rule) {
  const auto values = [](std::int64_t seed, const char* name, std::vector<std::int64_t> shape,
                         at::ScalarType dtype = at::kFloat) {
    return RandomWeights(at::kCPU, seed).get(name, shape, dtype);
  };
  EXPECT_TRUE(values(1, "fc.weight", {10, 100}).equal(values(1, "fc.weight", {10, 100})));
  EXPECT_FALSE(values(1, "fc.weight", {10, 100}).equal(values(2, "fc.weight", {10, 100})));
  const at::Tensor variance = values(1, "bn1.running_var", {1000});
  EXPECT_GE(variance.min().item<double>(), 1.0);
  EXPECT_LE(variance.max().item<double>(), 1.5);
  EXPECT_LE(values(1, "fc.weight", {10, 100}).abs().max().item<double>(), 0.2);
  for (const at::ScalarType dtype : {at::kHalf, at::kBFloat16}) {
    const at::Tensor small = values(1, "fc.weight", {10, 100}, dtype);
    EXPECT_EQ(small.scalar_type(), dtype);
    EXPECT_LE(small.abs().max().item<double>(), 0.201);
    EXPECT_GT(small.abs().max().item<double>(), 0.19);
  }
}

/// Weights without one entry, and with one of another shape.
class DamagedWeights : public Weights {
 public:
  explicit DamagedWeights(std::string damaged, bool missing)
      : Weights(at::kCPU), damaged_(std::move(damaged)), missing_(missing) {}

 private:
  Result<at::Tensor> find(const std::string& name, at::IntArrayRef shape, at::ScalarType /*dtype*/) override {
    if (name != damaged_) return at::empty(shape, at::kFloat);
    if (missing_) return failure(ErrorKind::usage, "there is no weight '" + name + "'");
    return at::empty({1, 2}, at::kFloat);
  }
  std::string damaged_;
  bool missing_;
};

TEST(Weights, a_missing_or_misshapen_entry_is_an_error_that_names_it) {
  DamagedWeights missing("layer1.0.bn1.bias", true), misshapen("fc.weight", false);
  build_resnet50(missing, {});
  build_resnet50(misshapen, {});
  ASSERT_TRUE(missing.error());
  EXPECT_THAT(missing.error()->message, HasSubstr("layer1.0.bn1.bias"));
  ASSERT_TRUE(misshapen.error());
  EXPECT_THAT(misshapen.error()->message, HasSubstr("'fc.weight' has shape [1, 2] and not [1000, 2048]"));
}

TEST(ResNet50, folding_batchnorm_and_channels_last_change_the_layout_and_not_the_output) {
  const c10::InferenceMode no_gradients;
  const at::Tensor input = at::randn({1, 3, 64, 64});
  const auto output = [&input](BuildOptions options) {
    HashWeights weights(at::kCPU);
    return build_resnet50(weights, options)->forward(input);
  };
  const at::Tensor plain = output({});
  for (const BuildOptions& options :
       {BuildOptions{at::kFloat, false, true, {}}, BuildOptions{at::kFloat, true, false, {}}}) {
    const auto deviation = compare_outputs(output(options), plain);
    ASSERT_TRUE(deviation);
    EXPECT_LT(deviation->ratio(), 1e-4);
  }
}

TEST(CheckRequest, what_a_model_does_not_have_is_refused_with_what_it_has) {
  const auto refusal = [](void (*change)(LoadRequest&)) {
    LoadRequest request;
    request.model = "vit_b_16";
    change(request);
    return check_request(request).error();
  };
  EXPECT_EQ(refusal([](LoadRequest& r) { r.model = "vit_b16"; }).remedy, "did you mean vit_b_16?");
  EXPECT_EQ(refusal([](LoadRequest& r) { r.dtype = "int8"; }).remedy, "choose from fp32, fp16 and bf16");
  EXPECT_THAT(refusal([](LoadRequest& r) { r.mode = "decode"; }).message, HasSubstr("decode"));
  EXPECT_THAT(refusal([](LoadRequest& r) { r.shape["length"] = 512; }).message, HasSubstr("length"));
  EXPECT_THAT(refusal([](LoadRequest& r) { r.fold_batchnorm = true; }).message, HasSubstr("BatchNorm"));
  EXPECT_THAT(refusal([](LoadRequest& r) { r.inputs = {{{3}, "", true}}; }).remedy, HasSubstr("--input"));
}

TEST(References, a_file_of_no_known_layout_is_refused) {
  EXPECT_FALSE(read_references(BATCHFIT_TEST_DATA "/torchvision-state.json"));
  EXPECT_FALSE(read_references(BATCHFIT_TEST_DATA "/no such file.json"));
}

TEST(References, a_nan_is_beyond_every_tolerance) {
  const at::Tensor reference = at::randn({2, 5});
  at::Tensor output = reference.clone();
  output[0][0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_GT(compare_outputs(output, reference)->ratio(), 1e30);
  EXPECT_EQ(compare_outputs(reference, reference)->same_argmax, 2);
}

}  // namespace
}  // namespace batchfit
