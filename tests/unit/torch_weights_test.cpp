// Weights from files, and the models that they describe.
#include <ATen/ops/all.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "candidates.h"
#include "facts/json.h"
#include "file_weights.h"
#include "loaded_model.h"
#include "models/yolo_description.h"
#include "reference.h"

namespace batchfit {
namespace {

using testing::HasSubstr;

const std::string data = BATCHFIT_TEST_DATA;
const std::string checkpoint = data + "/yolo11n-pose/yolo11n-pose-random.pt";

std::shared_ptr<const files::WeightsFile> open(const std::string& path) {
  return files::WeightsFile::open(path).value();
}

TEST(FileWeights, give_the_files_values_as_float32_whatever_their_type_and_strides) {
  const auto file = open(data + "/weights/tiny-state-dict.pth");
  FileWeights weights(file, at::kCPU);
  const at::Tensor whole = weights.get("fc.weight", {4, 6});
  EXPECT_TRUE(weights.get("fc.weight_t", {6, 4}).equal(whole.t()));
  EXPECT_TRUE(weights.get("fc.slice", {2, 3}).equal(whole.slice(0, 1, 3).slice(1, 2, 5)));
  EXPECT_EQ(weights.get("scale", {}).item<float>(), 0.75F);
  const at::Tensor half = weights.get("half", {5});
  EXPECT_EQ(half.scalar_type(), at::kFloat);
  EXPECT_FLOAT_EQ(half[0].item<float>(), -0.565917969F);
  EXPECT_FLOAT_EQ(weights.get("brain", {2, 3})[1][0].item<float>(), -1.953125F);
  EXPECT_FALSE(weights.error());
  // Float32 on a CPU is the file's own memory.
  EXPECT_EQ(whole.const_data_ptr(), static_cast<const void*>(file->find("fc.weight")->bytes.data()));
}

TEST(FileWeights, a_tensor_outlives_the_file_it_lies_in) {
  at::Tensor aligned, unaligned;
  {
    aligned = FileWeights(open(data + "/weights/tiny-state-dict.pth"), at::kCPU).get("fc.weight", {4, 6});
    unaligned = FileWeights(open(data + "/weights/zip64.pth"), at::kCPU).get("fc.weight", {4, 6});
  }
  EXPECT_TRUE(aligned.equal(unaligned));
}

TEST(FileWeights, what_is_missing_misshapen_surplus_or_no_float_is_named_with_what_was_expected) {
  const auto error_of = [](const std::string& name, std::vector<std::int64_t> shape) {
    FileWeights weights(open(data + "/weights/tiny-state-dict.pth"), at::kCPU);
    weights.get(name, shape);
    return weights.error() ? weights.error()->message : "";
  };
  EXPECT_EQ(error_of("fc.bias", {4}), "there is no weight 'fc.bias', where one of shape [4] is expected");
  EXPECT_EQ(error_of("fc.weight", {4, 7}), "weight 'fc.weight' has shape [4, 6] and not [4, 7]");
  EXPECT_EQ(error_of("ids", {2, 3}),
            "weight 'ids' is of dtype int64, where a floating-point one is expected");

  FileWeights weights(open(data + "/weights/tiny-state-dict.pth"), at::kCPU);
  for (const auto& tensor : weights.file()->tensors()) {
    const bool is_counter = tensor.name == "bn.num_batches_tracked";
    if (!is_counter && tensor.name != "brain" && tensor.name != "ids") weights.get(tensor.name, tensor.shape);
  }
  weights.check_all_used();
  EXPECT_EQ(weights.error()->message, "weight 'brain' of shape [2, 3] is none of this model's");
}

/// Names and shapes that a description's convolutions and norms ask for, and how many values they are.
std::int64_t parameters_of(const YoloModule& module) {
  const auto setting = [&](const char* name) {
    return static_cast<std::int64_t>(module.settings.at(name)[0]);
  };
  std::int64_t count = 0;
  if (module.kind == "Conv2d") {
    count += setting("out_channels") * setting("in_channels") / setting("groups") * setting("kernel_size") *
             setting("kernel_size");
  }
  for (const YoloModule& child : module.children) {
    count += parameters_of(child);
    const bool is_norm = child.kind == "BatchNorm2d";
    const YoloModule& convolution = is_norm ? module.children.front() : child;
    const bool has_bias = child.kind == "Conv2d" && !module.kind.ends_with("Conv") && module.kind != "DFL";
    if (is_norm || has_bias) {
      const auto channels = static_cast<std::int64_t>(convolution.settings.at("out_channels")[0]);
      count += is_norm ? 2 * channels : channels;
    }
  }
  return count;
}

std::int64_t parameters_of(const YoloDescription& description) {
  std::int64_t count = 0;
  for (const YoloLayer& layer : description.layers) count += parameters_of(layer.module);
  return count;
}

/// Classes may name the same layer differently, and a file's modules hold more that changes nothing.
void expect_same(const YoloModule& composed, const YoloModule& described) {
  EXPECT_EQ(composed.path, described.path);
  const bool depthwise = described.kind == "DWConv";
  EXPECT_EQ(composed.kind, depthwise ? "Conv" : described.kind) << composed.path;
  for (const auto& [name, values] : composed.settings) {
    EXPECT_NEAR(values.front(), described.settings.at(name).front(), 1e-12) << composed.path << " " << name;
  }
  for (const YoloModule& child : composed.children) {
    const auto found = std::find_if(described.children.begin(), described.children.end(),
                                    [&](const YoloModule& other) { return other.path == child.path; });
    ASSERT_NE(found, described.children.end()) << child.path;
    expect_same(child, *found);
  }
}

TEST(YoloDescription, the_one_composed_for_scale_n_is_the_one_in_the_checkpoint) {
  const auto file = open(checkpoint);
  const auto described = describe_yolo(*file->module(), 'n');
  ASSERT_TRUE(described) << described.error().text();
  const YoloDescription composed = yolo11_pose('n', 1, {});
  ASSERT_EQ(composed.layers.size(), described->layers.size());
  for (std::size_t i = 0; i < composed.layers.size(); ++i) {
    EXPECT_EQ(composed.layers[i].from, described->layers[i].from);
    expect_same(composed.layers[i].module, described->layers[i].module);
  }
  EXPECT_EQ(parameters_of(*described), 2874462);  // yolo11n-pose-reference.json, `parameters`
}

TEST(YoloDescription, every_scale_has_as_many_parameters_as_in_ultralytics) {
  // Counted with ultralytics 8.4.190, one class and 17 key points.
  const std::pair<char, std::int64_t> counted[] = {
      {'n', 2874462}, {'s', 9918238}, {'m', 20912364}, {'l', 26169836}, {'x', 58798636}};
  for (const auto& [scale, parameters] : counted) {
    EXPECT_EQ(parameters_of(yolo11_pose(scale, 1, {})), parameters) << scale;
  }
}

TEST(YoloDescription, a_file_of_another_scale_or_of_another_model_is_refused) {
  const auto scale = describe_yolo(*open(checkpoint)->module(), 's');
  ASSERT_FALSE(scale);
  EXPECT_EQ(scale.error().remedy, "name the model yolo11n-pose");
  const auto other = describe_yolo(*open(data + "/weights/module.pth")->module(), 'n');
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("model is missing"));
}

LoadedModel yolo(
    const std::string& weights, void (*change)(LoadRequest&) = [](LoadRequest&) {}) {
  LoadRequest request;
  request.model = "yolo11n-pose";
  request.weights = weights;
  request.shape["image_size"] = 64;
  change(request);
  auto loaded = build_model(request, at::kCPU);
  EXPECT_TRUE(loaded) << loaded.error().message;
  return std::move(*loaded);
}

TEST(Yolo, random_weights_give_finite_outputs_and_are_said) {
  const c10::InferenceMode no_gradients;
  const LoadedModel loaded = yolo("random");
  const at::Tensor output = loaded.run(loaded.inputs(2));
  EXPECT_EQ(output.sizes(), (std::vector<std::int64_t>{2, 4 + 1 + 51, 8 * 8 + 4 * 4 + 2 * 2}));
  EXPECT_TRUE(at::all(at::isfinite(output)).item<bool>());
  EXPECT_THAT(loaded.notes(), testing::Contains("weights: random (seed 0)"));
}

TEST(Yolo, batchnorm_is_folded_unless_told_otherwise_and_the_workload_says_so) {
  EXPECT_TRUE(yolo("random").workload(Timing::eager).folded_batchnorm);
  EXPECT_FALSE(yolo("random", [](LoadRequest& r) { r.fold_batchnorm = false; })
                   .workload(Timing::eager)
                   .folded_batchnorm);
}

TEST(Yolo, folding_and_channels_last_change_the_layout_and_not_the_output) {
  const c10::InferenceMode no_gradients;
  const at::Tensor input = at::randn({2, 3, 64, 96});
  const at::Tensor plain = yolo(checkpoint, [](LoadRequest& r) { r.fold_batchnorm = false; }).run({input});
  const at::Tensor folded = yolo(checkpoint).run({input});
  const at::Tensor last = yolo(checkpoint, [](LoadRequest& r) {
                            r.channels_last = true;
                          }).run({input.contiguous(at::MemoryFormat::ChannelsLast)});
  EXPECT_LT(compare_outputs(folded.flatten(1), plain.flatten(1))->ratio(), 1e-3);
  EXPECT_LT(compare_outputs(last.flatten(1), plain.flatten(1))->ratio(), 1e-3);
}

TEST(Yolo, the_files_digest_and_the_image_size_are_facts_of_the_workload) {
  const Workload workload = yolo(checkpoint).workload(Timing::eager);
  EXPECT_EQ(workload.weights, open(checkpoint)->digest());
  EXPECT_EQ(workload.shape.at("image_size"), 64);
  EXPECT_EQ(workload.input_shape, (std::vector<std::int64_t>{3, 64, 64}));
  const auto by_default = yolo("random", [](LoadRequest& r) { r.shape.clear(); }).workload(Timing::eager);
  EXPECT_EQ(by_default.shape.at("image_size"), 640);
}

TEST(Yolo, sizes_that_its_strides_do_not_divide_are_refused) {
  LoadRequest request;
  request.model = "yolo11n-pose";
  for (const std::int64_t size : {0, 16, 100}) {
    request.shape["image_size"] = size;
    EXPECT_EQ(check_request(request).error().remedy, "choose a multiple of 32");
  }
}

TEST(Candidates, are_the_rows_above_the_confidence_of_each_image_in_their_order) {
  const vision::PoseRow row{2, 1, 3};
  const at::Tensor decoded = at::randn({3, static_cast<std::int64_t>(row.size()), 50});
  decoded.narrow(1, 4, 2).uniform_(0, 1);
  decoded.select(0, 1).narrow(0, 4, 2).fill_(0.1);  // an image with none
  for (const at::Tensor& output :
       {decoded, decoded.contiguous().transpose(1, 2).contiguous().transpose(1, 2)}) {
    const auto found = candidate_rows(output, row, 0.7F);
    ASSERT_EQ(found.size(), 3U);
    EXPECT_TRUE(found[1].empty());
    for (std::int64_t image = 0; image < 3; ++image) {
      std::vector<float> expected;
      for (std::int64_t anchor = 0; anchor < 50; ++anchor) {
        const auto value = [&](std::int64_t i) { return decoded[image][i][anchor].item<float>(); };
        if (std::max(value(4), value(5)) <= 0.7F) continue;
        for (std::int64_t i = 0; i < decoded.size(1); ++i) expected.push_back(value(i));
      }
      EXPECT_EQ(found[static_cast<std::size_t>(image)], expected);
    }
  }
}

}  // namespace
}  // namespace batchfit
