#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>

#include <string>
#include <vector>

#include "models/attention.h"
#include "models/layers.h"

// ViT-B/16 as torchvision has it (Dosovitskiy et al., arXiv:2010.11929): pre-norm encoder, class token, exact
// GELU.
namespace batchfit {
namespace {

constexpr std::int64_t image = 224, patch = 16, hidden = 768, heads = 12, mlp = 3072, depth = 12,
                       classes = 1000;
constexpr std::int64_t tokens = (image / patch) * (image / patch) + 1;
constexpr std::int64_t head_size = hidden / heads;

struct EncoderLayer {
  LayerNorm before_attention;
  Linear query_key_value, projection;
  LayerNorm before_mlp;
  Linear widen, narrow;

  at::Tensor attend(const at::Tensor& x) const {
    const std::int64_t batch = x.size(0);
    const at::Tensor qkv =
        query_key_value.forward(x).view({batch, tokens, 3, heads, head_size}).permute({2, 0, 3, 1, 4});
    const at::Tensor mixed = attention(qkv.select(0, 0), qkv.select(0, 1), qkv.select(0, 2));
    return mixed.transpose(1, 2).reshape({batch, tokens, hidden});
  }

  /// Adds the layer's two residual branches to x in place.
  void forward(at::Tensor& x) const {
    x.add_(projection.forward(attend(before_attention.forward(x))));
    at::Tensor wide = widen.forward(before_mlp.forward(x));
    at::gelu_(wide);
    x.add_(narrow.forward(wide));
  }
};

EncoderLayer build_layer(Builder& build, const std::string& name) {
  const std::string attention = name + ".self_attention";
  EncoderLayer layer;
  layer.before_attention = build.layer_norm(name + ".ln_1", hidden);
  // torch's MultiheadAttention names its packed input projection without a dot.
  layer.query_key_value.weight = build.entry(attention + ".in_proj_weight", {3 * hidden, hidden});
  layer.query_key_value.bias = build.entry(attention + ".in_proj_bias", {3 * hidden});
  layer.projection = build.linear(attention + ".out_proj", hidden, hidden);
  layer.before_mlp = build.layer_norm(name + ".ln_2", hidden);
  layer.widen = build.linear(name + ".mlp.0", mlp, hidden);
  layer.narrow = build.linear(name + ".mlp.3", hidden, mlp);
  return layer;
}

class VitB16 : public Model {
 public:
  explicit VitB16(Builder build)
      : class_token_(build.entry("class_token", {1, 1, hidden})),
        patches_(build.convolution("conv_proj", {hidden, 3, patch, patch})),
        positions_(build.entry("encoder.pos_embedding", {1, tokens, hidden})) {
    for (std::int64_t i = 0; i < depth; ++i) {
      layers_.push_back(build_layer(build, "encoder.layers.encoder_layer_" + std::to_string(i)));
    }
    norm_ = build.layer_norm("encoder.ln", hidden);
    head_ = build.linear("heads.head", classes, hidden);
  }

  at::Tensor forward(const at::Tensor& input) const override {
    const std::int64_t batch = input.size(0);
    at::Tensor x = patches_.forward(input).flatten(2).transpose(1, 2);
    x = at::cat({class_token_.expand({batch, 1, hidden}), x}, 1);
    x.add_(positions_);
    for (const EncoderLayer& layer : layers_) layer.forward(x);
    // LayerNorm works token by token, so only the class token, which the head reads, needs the last one.
    return head_.forward(norm_.forward(x.select(1, 0)));
  }

 private:
  at::Tensor class_token_;
  Convolution patches_;
  at::Tensor positions_;
  std::vector<EncoderLayer> layers_;
  LayerNorm norm_;
  Linear head_;
};

}  // namespace

std::unique_ptr<Model> build_vit_b_16(Weights& weights, const BuildOptions& options) {
  return std::make_unique<VitB16>(Builder(weights, options));
}

}  // namespace batchfit
