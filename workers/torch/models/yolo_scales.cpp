// YOLO11's table of layers and its scales, as its authors publish them in yolo11-pose.yaml: widths of
// channels, numbers of repeats, and what they become for a scale.
#include <algorithm>
#include <array>
#include <cmath>

#include "models/yolo_description.h"

namespace batchfit {
namespace {

struct Scale {
  char name;
  double depth, width;
  std::int64_t most_channels;
  bool deep_blocks;  ///< every C3k2 holds C3k blocks, not only those that say so
};
constexpr std::array<Scale, 5> scales{{{'n', 0.5, 0.25, 1024, false},
                                       {'s', 0.5, 0.5, 1024, false},
                                       {'m', 0.5, 1.0, 512, true},
                                       {'l', 1.0, 1.0, 512, true},
                                       {'x', 1.0, 1.5, 512, true}}};

constexpr double norm_eps = 1e-3;
constexpr std::int64_t distance_bins = 16;
constexpr std::int64_t attention_head = 64;  ///< channels that each head of the attention takes

YoloModule node(std::string kind, std::string path, std::vector<YoloModule> children = {}) {
  return {std::move(kind), std::move(path), {}, std::move(children)};
}

struct Size {
  std::int64_t in, out, kernel = 1, stride = 1, groups = 1;
};

YoloModule plain_convolution(const std::string& path, const Size& size) {
  const auto number = [](std::int64_t value) { return std::vector<double>{static_cast<double>(value)}; };
  YoloModule module = node("Conv2d", path);
  module.settings = {{"in_channels", number(size.in)},     {"out_channels", number(size.out)},
                     {"kernel_size", number(size.kernel)}, {"stride", number(size.stride)},
                     {"padding", number(size.kernel / 2)}, {"groups", number(size.groups)}};
  return module;
}

/// Convolution, BatchNorm and, unless it is left out, SiLU.
YoloModule convolution(const std::string& path, const Size& size, bool activated = true) {
  YoloModule norm = node("BatchNorm2d", path + ".bn");
  norm.settings["eps"] = {norm_eps};
  return node("Conv", path,
              {plain_convolution(path + ".conv", size), std::move(norm),
               node(activated ? "SiLU" : "Identity", path + ".act")});
}

YoloModule bottleneck(const std::string& path, std::int64_t channels, std::int64_t hidden) {
  YoloModule module = node(
      "Bottleneck", path,
      {convolution(path + ".cv1", {channels, hidden, 3}), convolution(path + ".cv2", {hidden, channels, 3})});
  module.settings["add"] = {1};
  return module;
}

YoloModule c3k(const std::string& path, std::int64_t channels) {
  const std::int64_t hidden = channels / 2;
  YoloModule blocks = node("Sequential", path + ".m");
  for (int i = 0; i < 2; ++i)
    blocks.children.push_back(bottleneck(path + ".m." + std::to_string(i), hidden, hidden));
  return node("C3k", path,
              {convolution(path + ".cv1", {channels, hidden}), convolution(path + ".cv2", {channels, hidden}),
               convolution(path + ".cv3", {2 * hidden, channels}), std::move(blocks)});
}

YoloModule c3k2(const std::string& path, std::int64_t in, std::int64_t out, std::int64_t repeats, bool deep,
                double expansion) {
  const auto hidden = static_cast<std::int64_t>(static_cast<double>(out) * expansion);
  YoloModule blocks = node("ModuleList", path + ".m");
  for (std::int64_t i = 0; i < repeats; ++i) {
    const std::string name = path + ".m." + std::to_string(i);
    blocks.children.push_back(deep ? c3k(name, hidden) : bottleneck(name, hidden, hidden / 2));
  }
  return node("C3k2", path,
              {convolution(path + ".cv1", {in, 2 * hidden}),
               convolution(path + ".cv2", {(2 + repeats) * hidden, out}), std::move(blocks)});
}

YoloModule sppf(const std::string& path, std::int64_t channels) {
  YoloModule pool = node("MaxPool2d", path + ".m");
  pool.settings["kernel_size"] = {5};
  YoloModule module = node("SPPF", path,
                           {convolution(path + ".cv1", {channels, channels / 2}),
                            convolution(path + ".cv2", {2 * channels, channels}), std::move(pool)});
  module.settings = {{"n", {3}}, {"add", {0}}};
  return module;
}

YoloModule attention(const std::string& path, std::int64_t channels) {
  const std::int64_t heads = channels / attention_head, key = attention_head / 2;
  YoloModule module = node("Attention", path,
                           {convolution(path + ".qkv", {channels, channels + 2 * key * heads}, false),
                            convolution(path + ".proj", {channels, channels}, false),
                            convolution(path + ".pe", {channels, channels, 3, 1, channels}, false)});
  module.settings = {{"num_heads", {static_cast<double>(heads)}},
                     {"key_dim", {static_cast<double>(key)}},
                     {"head_dim", {static_cast<double>(attention_head)}},
                     {"scale", {1 / std::sqrt(static_cast<double>(key))}}};
  return module;
}

YoloModule c2psa(const std::string& path, std::int64_t channels, std::int64_t repeats) {
  const std::int64_t hidden = channels / 2;
  YoloModule blocks = node("Sequential", path + ".m");
  for (std::int64_t i = 0; i < repeats; ++i) {
    const std::string name = path + ".m." + std::to_string(i);
    YoloModule block = node("PSABlock", name,
                            {attention(name + ".attn", hidden),
                             node("Sequential", name + ".ffn",
                                  {convolution(name + ".ffn.0", {hidden, 2 * hidden}),
                                   convolution(name + ".ffn.1", {2 * hidden, hidden}, false)})});
    block.settings["add"] = {1};
    blocks.children.push_back(std::move(block));
  }
  return node("C2PSA", path,
              {convolution(path + ".cv1", {channels, 2 * hidden}),
               convolution(path + ".cv2", {2 * hidden, channels}), std::move(blocks)});
}

/// Two convolutions of `kernel` and a plain one, as the branches of boxes and key points are.
YoloModule branch(const std::string& path, std::int64_t in, std::int64_t hidden, std::int64_t out) {
  return node("Sequential", path,
              {convolution(path + ".0", {in, hidden, 3}), convolution(path + ".1", {hidden, hidden, 3}),
               plain_convolution(path + ".2", {hidden, out})});
}

/// Twice a convolution of each channel alone and one across channels, then a plain one.
YoloModule class_branch(const std::string& path, std::int64_t in, std::int64_t hidden, std::int64_t classes) {
  const auto pair = [](const std::string& name, std::int64_t from, std::int64_t to) {
    return node("Sequential", name,
                {convolution(name + ".0", {from, from, 3, 1, from}), convolution(name + ".1", {from, to})});
  };
  return node("Sequential", path,
              {pair(path + ".0", in, hidden), pair(path + ".1", hidden, hidden),
               plain_convolution(path + ".2", {hidden, classes})});
}

YoloModule pose_head(const std::string& path, const std::vector<std::int64_t>& channels, std::int64_t classes,
                     const YoloKeypoints& keypoints) {
  const std::int64_t values = keypoints.count * keypoints.values, quarter = channels[0] / 4;
  const std::int64_t box_hidden = std::max({std::int64_t{16}, quarter, 4 * distance_bins});
  const std::int64_t class_hidden = std::max(channels[0], std::min<std::int64_t>(classes, 100));
  const std::int64_t point_hidden = std::max(quarter, values);
  YoloModule boxes = node("ModuleList", path + ".cv2"), scores = node("ModuleList", path + ".cv3"),
             points = node("ModuleList", path + ".cv4");
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const std::string level = "." + std::to_string(i);
    boxes.children.push_back(branch(boxes.path + level, channels[i], box_hidden, 4 * distance_bins));
    scores.children.push_back(class_branch(scores.path + level, channels[i], class_hidden, classes));
    points.children.push_back(branch(points.path + level, channels[i], point_hidden, values));
  }
  YoloModule bins = node("DFL", path + ".dfl", {plain_convolution(path + ".dfl.conv", {distance_bins, 1})});
  YoloModule head =
      node("Pose", path, {std::move(boxes), std::move(scores), std::move(bins), std::move(points)});
  head.settings = {
      {"nc", {static_cast<double>(classes)}},
      {"reg_max", {static_cast<double>(distance_bins)}},
      {"kpt_shape", {static_cast<double>(keypoints.count), static_cast<double>(keypoints.values)}}};
  return head;
}

/// Puts layers after one another, keeping their outputs' channels.
class Table {
 public:
  explicit Table(const Scale& scale) : scale_(scale) {}

  void convolve(std::int64_t width) {
    add({-1}, convolution(next(), {channels(-1), scaled(width), 3, 2}), scaled(width));
  }
  void block(std::int64_t width, bool deep, double expansion = 0.5) {
    const bool is_deep = deep || scale_.deep_blocks;
    add({-1}, c3k2(next(), channels(-1), scaled(width), repeats(), is_deep, expansion), scaled(width));
  }
  void pool() { add({-1}, sppf(next(), channels(-1)), channels(-1)); }
  void attend() { add({-1}, c2psa(next(), channels(-1), repeats()), channels(-1)); }
  void upsample() {
    YoloModule module = node("Upsample", next());
    module.settings["scale_factor"] = {2};
    add({-1}, std::move(module), channels(-1));
  }
  void join(std::int64_t other) {
    YoloModule module = node("Concat", next());
    module.settings["d"] = {1};
    add({-1, other}, std::move(module), channels(-1) + channels(other));
  }
  YoloDescription head(const std::vector<std::int64_t>& from, std::int64_t classes,
                       const YoloKeypoints& keypoints) {
    std::vector<std::int64_t> widths;
    widths.reserve(from.size());
    for (const std::int64_t layer : from) widths.push_back(channels(layer));
    add(from, pose_head(next(), widths, classes, keypoints), 0);
    return std::move(description_);
  }

 private:
  std::string next() const { return "model." + std::to_string(description_.layers.size()); }
  std::int64_t channels(std::int64_t layer) const {
    if (layer >= 0) return channels_.at(static_cast<std::size_t>(layer));
    return channels_.empty() ? 3 : channels_.back();
  }
  /// Widths are multiples of 8.
  std::int64_t scaled(std::int64_t width) const {
    const auto wanted = static_cast<double>(std::min(width, scale_.most_channels)) * scale_.width;
    return 8 * static_cast<std::int64_t>(std::ceil(wanted / 8));
  }
  /// Every block of the table stands there twice.
  std::int64_t repeats() const { return std::max<std::int64_t>(std::lround(2 * scale_.depth), 1); }
  void add(std::vector<std::int64_t> from, YoloModule module, std::int64_t channels) {
    description_.layers.push_back({std::move(from), std::move(module)});
    channels_.push_back(channels);
  }

  Scale scale_;
  YoloDescription description_;
  std::vector<std::int64_t> channels_;
};

}  // namespace

YoloDescription yolo11_pose(char scale, std::int64_t classes, const YoloKeypoints& keypoints) {
  Table table(*std::find_if(scales.begin(), scales.end(), [&](const Scale& s) { return s.name == scale; }));
  table.convolve(64);
  table.convolve(128);
  table.block(256, false, 0.25);
  table.convolve(256);
  table.block(512, false, 0.25);
  table.convolve(512);
  table.block(512, true);
  table.convolve(1024);
  table.block(1024, true);
  table.pool();
  table.attend();
  table.upsample();
  table.join(6);
  table.block(512, false);
  table.upsample();
  table.join(4);
  table.block(256, false);
  table.convolve(256);
  table.join(13);
  table.block(512, false);
  table.convolve(512);
  table.join(10);
  table.block(1024, true);
  return table.head({16, 19, 22}, classes, keypoints);
}

}  // namespace batchfit
