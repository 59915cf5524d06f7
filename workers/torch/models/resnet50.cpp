#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "models/layers.h"

// ResNet-50 as torchvision has it, "v1.5": the 3×3 convolution of a bottleneck carries the stride (He et al.,
// arXiv:1512.03385; the change is described in NVIDIA's "ResNet-50 v1.5" model notes).
namespace batchfit {
namespace {

using NormalisedConvolution = std::pair<Convolution, BatchNorm>;

/// Lets go of the input once the convolution has read it, before BatchNorm takes memory: an input that nobody
/// else holds would make the peak a tensor higher.
at::Tensor run(const NormalisedConvolution& layer, at::Tensor input) {
  input = layer.first.forward(input);
  return layer.second.forward(std::move(input));
}

/// 1×1, 3×3, 1×1 with a residual connection, through a 1×1 projection where the shape changes.
struct Bottleneck {
  NormalisedConvolution reduce, middle, expand;
  std::optional<NormalisedConvolution> projection;

  at::Tensor forward(const at::Tensor& input) const {
    at::Tensor x = run(reduce, input).relu_();
    x = run(middle, std::move(x)).relu_();
    x = run(expand, std::move(x));
    x.add_(projection ? run(*projection, input) : input);
    return x.relu_();
  }
};

constexpr std::int64_t expansion = 4;

Bottleneck build_bottleneck(Builder& build, const std::string& name, std::int64_t in, std::int64_t width,
                            std::int64_t stride) {
  Bottleneck block;
  block.reduce = build.normalised_convolution(name + ".conv1", name + ".bn1", {width, in, 1});
  block.middle = build.normalised_convolution(name + ".conv2", name + ".bn2", {width, width, 3, stride, 1});
  block.expand = build.normalised_convolution(name + ".conv3", name + ".bn3", {width * expansion, width, 1});
  if (stride != 1 || in != width * expansion) {
    block.projection = build.normalised_convolution(name + ".downsample.0", name + ".downsample.1",
                                                    {width * expansion, in, 1, stride});
  }
  return block;
}

struct Stage {
  std::int64_t width, blocks, stride;
};
constexpr std::array<Stage, 4> stages{{{64, 3, 1}, {128, 4, 2}, {256, 6, 2}, {512, 3, 2}}};
constexpr std::int64_t classes = 1000;

class ResNet50 : public Model {
 public:
  explicit ResNet50(Builder build) : stem_(build.normalised_convolution("conv1", "bn1", {64, 3, 7, 2, 3})) {
    std::int64_t channels = 64;
    for (std::size_t s = 0; s < stages.size(); ++s) {
      for (std::int64_t b = 0; b < stages[s].blocks; ++b) {
        const std::string name = "layer" + std::to_string(s + 1) + "." + std::to_string(b);
        blocks_.push_back(
            build_bottleneck(build, name, channels, stages[s].width, b == 0 ? stages[s].stride : 1));
        channels = stages[s].width * expansion;
      }
    }
    classifier_ = build.linear("fc", classes, channels);
  }

  at::Tensor forward(const at::Tensor& input) const override {
    at::Tensor x = run(stem_, input).relu_();
    x = at::max_pool2d(x, {3, 3}, {2, 2}, {1, 1});
    for (const Bottleneck& block : blocks_) x = block.forward(x);
    return classifier_.forward(at::adaptive_avg_pool2d(x, {1, 1}).flatten(1));
  }

 private:
  NormalisedConvolution stem_;
  std::vector<Bottleneck> blocks_;
  Linear classifier_;
};

}  // namespace

std::unique_ptr<Model> build_resnet50(Weights& weights, const BuildOptions& options) {
  return std::make_unique<ResNet50>(Builder(weights, options));
}

}  // namespace batchfit
