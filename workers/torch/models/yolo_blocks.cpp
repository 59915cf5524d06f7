#include "models/yolo_blocks.h"

#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "models/joined.h"

// The blocks of YOLO11 (Jocher and Qiu, 2024), written from the modules and settings that its checkpoints
// list.
namespace batchfit {
namespace {

std::int64_t whole(const YoloModule& module, const char* name, Builder& build) {
  return static_cast<std::int64_t>(setting_of(module, name, build));
}

/// The one number of a setting that may be given for both directions.
std::int64_t square(const YoloModule& module, const char* name, Builder& build) {
  const auto found = module.settings.find(name);
  const bool same = found == module.settings.end() ||
                    std::all_of(found->second.begin(), found->second.end(),
                                [&](double value) { return value == found->second.front(); });
  if (!same) {
    build.weights().fail({ErrorKind::corrupt, fmt::format("{}: '{}' differs by direction", module.path, name),
                          "give a checkpoint of a YOLO11 pose model"});
  }
  return whole(module, name, build);
}

ConvolutionSize size_of(const YoloModule& module, Builder& build) {
  return {whole(module, "out_channels", build), whole(module, "in_channels", build),
          square(module, "kernel_size", build), square(module, "stride", build),
          square(module, "padding", build),     whole(module, "groups", build)};
}

/// Convolution, BatchNorm where it is kept, and SiLU where it has one.
class ConvolutionBlock : public YoloBlock {
 public:
  /// A module that is a convolution alone.
  static YoloBlockPtr plain(const YoloModule& module, Builder& build) {
    return YoloBlockPtr(
        new ConvolutionBlock({build.convolution(module.path, size_of(module, build)), {}}, false, build));
  }

  ConvolutionBlock(const YoloModule& module, Builder& build)
      : ConvolutionBlock(layers_of(module, build), child_of(module, "act", build).kind == "SiLU", build) {}

  at::Tensor forward(const at::Tensor& input, const Ending& ending) const override {
    if (fuses())
      return epilogue_->finish(convolution_.without_bias(input), convolution_.bias, activated_, ending);
    at::Tensor x = norm_.forward(convolution_.forward(input));
    return ending.apply(activated_ ? at::silu_(x) : x);
  }

  std::int64_t channels() const { return convolution_.channels(); }
  /// Whether its output is best written where it is needed.
  bool fuses() const { return epilogue_ != nullptr; }

 private:
  using Layers = std::pair<Convolution, BatchNorm>;
  static Layers layers_of(const YoloModule& module, Builder& build) {
    const YoloModule& convolution = child_of(module, "conv", build);
    const YoloModule& norm = child_of(module, "bn", build);
    return build.normalised_convolution(convolution.path, norm.path, size_of(convolution, build),
                                        setting_of(norm, "eps", build));
  }
  ConvolutionBlock(Layers layers, bool activated, Builder& build)
      : convolution_(std::move(layers.first)),
        norm_(std::move(layers.second)),
        activated_(activated),
        epilogue_(build.options().epilogue) {}

  Convolution convolution_;
  BatchNorm norm_;
  bool activated_;
  std::shared_ptr<const Epilogue> epilogue_;
};

class Chain : public YoloBlock {
 public:
  Chain(const YoloModule& module, Builder& build) {
    for (const YoloModule& child : module.children) blocks_.push_back(build_yolo_block(child, build));
    if (!blocks_.empty()) return;
    build.weights().fail({ErrorKind::corrupt, fmt::format("module {} is empty", module.path),
                          "give a checkpoint of a YOLO11 pose model"});
  }
  at::Tensor forward(const at::Tensor& input, const Ending& ending) const override {
    at::Tensor x = input;
    for (const YoloBlockPtr& block : blocks_)
      x = block->forward(x, &block == &blocks_.back() ? ending : Ending{});
    return x;
  }
  const std::vector<YoloBlockPtr>& blocks() const { return blocks_; }

 private:
  std::vector<YoloBlockPtr> blocks_;
};

class Bottleneck : public YoloBlock {
 public:
  Bottleneck(const YoloModule& module, Builder& build)
      : first_(child_of(module, "cv1", build), build),
        second_(child_of(module, "cv2", build), build),
        adds_(setting_of(module, "add", build) != 0) {}
  at::Tensor forward(const at::Tensor& input, const Ending& ending) const override {
    return second_.forward(first_.forward(input, {}), adds_ ? ending.adding(input) : ending);
  }

 private:
  ConvolutionBlock first_, second_;
  bool adds_;
};

/// Two paths side by side, one through bottlenecks.
class C3k : public YoloBlock {
 public:
  C3k(const YoloModule& module, Builder& build)
      : deep_(child_of(module, "cv1", build), build),
        plain_(child_of(module, "cv2", build), build),
        join_(child_of(module, "cv3", build), build),
        blocks_(child_of(module, "m", build), build) {}
  at::Tensor forward(const at::Tensor& input, const Ending& ending) const override {
    Joined paths(join_.fuses(), input, deep_.channels() + plain_.channels());
    paths.add(blocks_.forward(deep_.forward(input, {}), paths.next(deep_.channels())));
    paths.add(plain_.forward(input, paths.next(plain_.channels())));
    return join_.forward(paths.take(), ending);
  }

 private:
  ConvolutionBlock deep_, plain_, join_;
  Chain blocks_;
};

/// Half of the channels goes through blocks one after the other; all that came out on the way is joined.
class C3k2 : public YoloBlock {
 public:
  C3k2(const YoloModule& module, Builder& build)
      : split_(child_of(module, "cv1", build), build),
        join_(child_of(module, "cv2", build), build),
        blocks_(child_of(module, "m", build), build) {}
  at::Tensor forward(const at::Tensor& input, const Ending& ending) const override {
    const auto count = static_cast<std::int64_t>(blocks_.blocks().size());
    const std::int64_t half = split_.channels() / 2;
    Joined parts(join_.fuses(), input, (2 + count) * half);
    at::Tensor last = parts.add(split_.forward(input, parts.next(2 * half))).narrow(1, half, half);
    for (const YoloBlockPtr& block : blocks_.blocks())
      last = parts.add(block->forward(last, parts.next(half)));
    return join_.forward(parts.take(), ending);
  }

 private:
  ConvolutionBlock split_, join_;
  Chain blocks_;
};

/// Poolings of growing reach, joined.
class Sppf : public YoloBlock {
 public:
  Sppf(const YoloModule& module, Builder& build)
      : reduce_(child_of(module, "cv1", build), build),
        join_(child_of(module, "cv2", build), build),
        kernel_(square(child_of(module, "m", build), "kernel_size", build)),
        times_(whole(module, "n", build)),
        adds_(setting_of(module, "add", build) != 0) {}
  at::Tensor forward(const at::Tensor& input, const Ending& ending) const override {
    std::vector<at::Tensor> parts{reduce_.forward(input, {})};
    for (std::int64_t i = 0; i < times_; ++i) {
      parts.push_back(at::max_pool2d(parts.back(), {kernel_, kernel_}, {1, 1}, {kernel_ / 2, kernel_ / 2}));
    }
    return join_.forward(at::cat(parts, 1), adds_ ? ending.adding(input) : ending);
  }

 private:
  ConvolutionBlock reduce_, join_;
  std::int64_t kernel_, times_;
  bool adds_;
};

/// Self-attention over the places of the image, with a convolution of the values as its encoding of places.
class Attention : public YoloBlock {
 public:
  Attention(const YoloModule& module, Builder& build)
      : query_key_value_(child_of(module, "qkv", build), build),
        projection_(child_of(module, "proj", build), build),
        places_(child_of(module, "pe", build), build),
        heads_(whole(module, "num_heads", build)),
        key_size_(whole(module, "key_dim", build)),
        value_size_(whole(module, "head_dim", build)),
        scale_(setting_of(module, "scale", build)) {}
  at::Tensor forward(const at::Tensor& input, const Ending& ending) const override {
    const std::int64_t batch = input.size(0), rows = input.size(2), columns = input.size(3);
    const std::int64_t places = rows * columns, channels = heads_ * value_size_;
    const at::Tensor all =
        query_key_value_.forward(input, {}).reshape({batch * heads_, 2 * key_size_ + value_size_, places});
    const at::Tensor query = all.narrow(1, 0, key_size_), key = all.narrow(1, key_size_, key_size_),
                     value = all.narrow(1, 2 * key_size_, value_size_);
    const at::Tensor weights = at::softmax(at::bmm(query.transpose(1, 2), key).mul_(scale_), -1);
    const at::Tensor mixed = at::bmm(value, weights.transpose(1, 2)).view({batch, channels, rows, columns});
    const at::Tensor values = value.reshape({batch, channels, rows, columns});
    return projection_.forward(places_.forward(values, {mixed, {}}), ending);
  }

 private:
  ConvolutionBlock query_key_value_, projection_, places_;
  std::int64_t heads_, key_size_, value_size_;
  double scale_;
};

class AttentionBlock : public YoloBlock {
 public:
  AttentionBlock(const YoloModule& module, Builder& build)
      : attention_(child_of(module, "attn", build), build),
        network_(child_of(module, "ffn", build), build),
        adds_(setting_of(module, "add", build) != 0) {}
  at::Tensor forward(const at::Tensor& input, const Ending& ending) const override {
    const at::Tensor x = attention_.forward(input, adds_ ? Ending{input, {}} : Ending{});
    return network_.forward(x, adds_ ? ending.adding(x) : ending);
  }

 private:
  Attention attention_;
  Chain network_;
  bool adds_;
};

/// Half of the channels goes through attention, and takes its place.
class C2Psa : public YoloBlock {
 public:
  C2Psa(const YoloModule& module, Builder& build)
      : split_(child_of(module, "cv1", build), build),
        join_(child_of(module, "cv2", build), build),
        blocks_(child_of(module, "m", build), build) {}
  at::Tensor forward(const at::Tensor& input, const Ending& ending) const override {
    const at::Tensor x = split_.forward(input, {});
    const std::int64_t half = split_.channels() / 2;
    const at::Tensor part = x.narrow(1, half, half);
    blocks_.forward(part, {{}, part});
    return join_.forward(x, ending);
  }

 private:
  ConvolutionBlock split_, join_;
  Chain blocks_;
};

class Upsample : public YoloBlock {
 public:
  Upsample(const YoloModule& module, Builder& build) : factor_(whole(module, "scale_factor", build)) {}
  at::Tensor forward(const at::Tensor& input, const Ending& ending) const override {
    return ending.apply(at::upsample_nearest2d(input, {input.size(2) * factor_, input.size(3) * factor_}));
  }

 private:
  std::int64_t factor_;
};

template <class Block>
YoloBlockPtr make(const YoloModule& module, Builder& build) {
  return std::make_unique<Block>(module, build);
}

const std::map<std::string_view, YoloBlockPtr (*)(const YoloModule&, Builder&)> makers{
    {"Conv", make<ConvolutionBlock>},
    {"DWConv", make<ConvolutionBlock>},
    {"Conv2d", ConvolutionBlock::plain},
    {"Bottleneck", make<Bottleneck>},
    {"C3k", make<C3k>},
    {"C3k2", make<C3k2>},
    {"SPPF", make<Sppf>},
    {"C2PSA", make<C2Psa>},
    {"PSABlock", make<AttentionBlock>},
    {"Attention", make<Attention>},
    {"Upsample", make<Upsample>},
    {"Sequential", make<Chain>},
};

}  // namespace

YoloBlockPtr build_yolo_block(const YoloModule& module, Builder& build) {
  const auto maker = makers.find(module.kind);
  if (maker != makers.end()) return maker->second(module, build);
  build.weights().fail(
      {ErrorKind::corrupt,
       fmt::format("module {} is a '{}' where a layer is expected", module.path, module.kind),
       "give a checkpoint of a YOLO11 pose model"});
  return std::make_unique<Chain>(YoloModule{}, build);
}

const YoloModule& child_of(const YoloModule& module, std::string_view name, Builder& build) {
  static const YoloModule nothing;
  for (const YoloModule& child : module.children) {
    if (child.name() == name) return child;
  }
  build.weights().fail({ErrorKind::corrupt, fmt::format("module {} has no '{}'", module.path, name),
                        "give a checkpoint of a YOLO11 pose model"});
  return nothing;
}

double setting_of(const YoloModule& module, const char* name, Builder& build) {
  const auto found = module.settings.find(name);
  if (found != module.settings.end() && !found->second.empty()) return found->second.front();
  build.weights().fail({ErrorKind::corrupt, fmt::format("module {} has no '{}'", module.path, name),
                        "give a checkpoint of a YOLO11 pose model"});
  return 1;
}

}  // namespace batchfit
