#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>

#include <string>
#include <utility>
#include <vector>

#include "files/weights_file.h"
#include "models/yolo_blocks.h"

namespace batchfit {
namespace {

/// What the head gives before it is decoded; values of the levels one after the other, each row by row.
struct HeadOutputs {
  at::Tensor boxes;   ///< [batch, 4 · bins, anchors] logits of the distances to left, top, right and bottom
  at::Tensor scores;  ///< [batch, classes, anchors] logits
  at::Tensor points;  ///< [batch, key points · values, anchors]
};

/// Centres of the cells of all levels.
struct Anchors {
  std::vector<std::int64_t> sizes;  ///< rows and columns of each level, and of the image
  at::Tensor centres;               ///< [2, anchors]: x and y in cells
  at::Tensor strides;               ///< [1, anchors]: pixels a cell
};

Anchors make_anchors(std::vector<std::int64_t> sizes, const at::Tensor& like) {
  // Whole and half numbers, which half precision holds exactly up to 1024.
  const at::TensorOptions options = like.options();
  std::vector<at::Tensor> xs, ys, strides;
  for (std::size_t i = 0; i + 2 < sizes.size(); i += 2) {
    const std::int64_t rows = sizes[i], columns = sizes[i + 1];
    xs.push_back(
        at::arange(columns, options).add(0.5).view({1, columns}).expand({rows, columns}).reshape(-1));
    ys.push_back(at::arange(rows, options).add(0.5).view({rows, 1}).expand({rows, columns}).reshape(-1));
    strides.push_back(at::full({rows * columns}, sizes[sizes.size() - 2] / rows, options));
  }
  return {std::move(sizes), at::stack({at::cat(xs), at::cat(ys)}), at::cat(strides).view({1, -1})};
}

/// The head: a branch each for boxes, class scores and key points on every level.
class PoseHead {
 public:
  PoseHead(const YoloModule& module, Builder& build)
      : boxes_(branches(module, "cv2", build)),
        scores_(branches(module, "cv3", build)),
        points_(branches(module, "cv4", build)),
        bins_(static_cast<std::int64_t>(setting_of(module, "reg_max", build))),
        row_(row_of(module, build)),
        bin_weights_(read_bins(module, build)),
        in_place_(build.options().epilogue != nullptr) {}

  /// Whether every branch is there for each of so many inputs.
  bool takes(std::size_t levels) const {
    return boxes_.size() == levels && scores_.size() == levels && points_.size() == levels;
  }

  const vision::PoseRow& row() const { return row_; }

  HeadOutputs run(const std::vector<at::Tensor>& features) const {
    return {run(boxes_, features, 4 * bins_), run(scores_, features, row_.classes),
            run(points_, features, row_.points * row_.values)};
  }

  at::Tensor decode(const HeadOutputs& out, const Anchors& anchors) const {
    const at::Tensor distances = expected_distances(out.boxes);
    const at::Tensor low = anchors.centres.sub(distances.narrow(1, 0, 2));
    const at::Tensor high = anchors.centres.add(distances.narrow(1, 2, 2));
    const at::Tensor boxes = at::cat({low.add(high).div_(2), high.sub(low)}, 1).mul_(anchors.strides);
    return at::cat({boxes, out.scores.sigmoid(), decode_points(out.points, anchors)}, 1);
  }

 private:
  using Branches = std::vector<YoloBlockPtr>;

  static Branches branches(const YoloModule& module, const char* name, Builder& build) {
    Branches out;
    for (const YoloModule& branch : child_of(module, name, build).children) {
      out.push_back(build_yolo_block(branch, build));
    }
    return out;
  }

  static vision::PoseRow row_of(const YoloModule& module, Builder& build) {
    const auto classes = static_cast<std::int64_t>(setting_of(module, "nc", build));
    const auto shape = module.settings.find("kpt_shape");
    const bool known = shape != module.settings.end() && shape->second.size() == 2 &&
                       (shape->second[1] == 2 || shape->second[1] == 3);
    if (known) {
      return {classes, static_cast<std::int64_t>(shape->second[0]),
              static_cast<std::int64_t>(shape->second[1])};
    }
    build.weights().fail({ErrorKind::corrupt, module.path + " has key points of neither two nor three values",
                          "give a checkpoint of a YOLO11 pose model"});
    return {};
  }

  /// 0, 1, 2, …: what the distance's bins stand for, [1, bins].
  static at::Tensor read_bins(const YoloModule& module, Builder& build) {
    const auto bins = static_cast<std::int64_t>(setting_of(module, "reg_max", build));
    if (build.weights().file() != nullptr) {
      const std::string name = child_of(child_of(module, "dfl", build), "conv", build).path + ".weight";
      return build.entry(name, {1, bins, 1, 1}).view({1, bins});
    }
    const auto options = at::TensorOptions().device(build.weights().device()).dtype(build.options().dtype);
    return at::arange(bins, options).view({1, bins});
  }

  /// [batch, channels, anchors]: the levels one after the other.
  at::Tensor run(const Branches& branches, const std::vector<at::Tensor>& features,
                 std::int64_t channels) const {
    if (in_place_) return run_in_place(branches, features, channels);
    std::vector<at::Tensor> levels;
    for (std::size_t i = 0; i < branches.size(); ++i)
      levels.push_back(branches[i]->forward(features[i], {}).flatten(2));
    return at::cat(levels, 2);
  }

  static at::Tensor run_in_place(const Branches& branches, const std::vector<at::Tensor>& features,
                                 std::int64_t channels) {
    std::int64_t anchors = 0;
    for (const at::Tensor& level : features) anchors += level.size(2) * level.size(3);
    const std::int64_t batch = features.front().size(0);
    const at::Tensor all = at::empty({batch, channels, anchors}, features.front().options());
    std::int64_t first = 0;
    for (std::size_t i = 0; i < branches.size(); ++i) {
      const std::int64_t rows = features[i].size(2), columns = features[i].size(3);
      const at::Tensor level = all.narrow(2, first, rows * columns).view({batch, channels, rows, columns});
      branches[i]->forward(features[i], {{}, level});
      first += rows * columns;
    }
    return all;
  }

  /// [batch, 4, anchors]: the mean of each distance's distribution over its bins, in cells.
  at::Tensor expected_distances(const at::Tensor& boxes) const {
    const at::Tensor shares = at::softmax(boxes.view({boxes.size(0), 4, bins_, boxes.size(2)}), 2);
    return at::matmul(bin_weights_, shares).squeeze(2);
  }

  at::Tensor decode_points(const at::Tensor& points, const Anchors& anchors) const {
    const std::int64_t batch = points.size(0), count = points.size(2);
    const at::Tensor each = points.view({batch, -1, row_.values, count});
    at::Tensor places = each.narrow(2, 0, 2).mul(2).add_(anchors.centres.sub(0.5)).mul_(anchors.strides);
    if (row_.values == 3) places = at::cat({places, each.narrow(2, 2, 1).sigmoid()}, 2);
    return places.reshape({batch, -1, count});
  }

  Branches boxes_, scores_, points_;
  std::int64_t bins_;
  vision::PoseRow row_;
  at::Tensor bin_weights_;
  bool in_place_;  ///< branches end in an Epilogue, which writes where it is told
};

class YoloPose : public Model {
 public:
  YoloPose(const YoloDescription& description, Builder build)
      : layers_(read_layers(description, build)),
        head_from_(description.layers.back().from),
        head_(description.layers.back().module, build) {
    if (head_.takes(head_from_.size())) return;
    build.weights().fail({ErrorKind::corrupt, "the head has another number of branches than of inputs",
                          "give a checkpoint of a YOLO11 pose model"});
  }

  at::Tensor forward(const at::Tensor& input) const override {
    const std::vector<at::Tensor> features = run_layers(input);
    return head_.decode(head_.run(features), anchors_for(features, input));
  }

  std::optional<vision::PoseRow> pose_row() const override { return head_.row(); }

  std::vector<std::pair<std::string, at::Tensor>> named_outputs(const at::Tensor& input) const override {
    const std::vector<at::Tensor> features = run_layers(input);
    const HeadOutputs out = head_.run(features);
    std::vector<std::pair<std::string, at::Tensor>> named{
        {"decoded", head_.decode(out, anchors_for(features, input))},
        {"boxes", out.boxes},
        {"scores", out.scores},
        {"kpts", out.points}};
    for (std::size_t i = 0; i < features.size(); ++i)
      named.emplace_back("feat" + std::to_string(i), features[i]);
    return named;
  }

 private:
  struct Layer {
    std::vector<std::int64_t> from;
    YoloBlockPtr block;  ///< null: joins its inputs
    std::size_t last_use = 0;
  };

  static std::vector<Layer> read_layers(const YoloDescription& description, Builder& build) {
    std::vector<Layer> layers;
    for (std::size_t i = 0; i + 1 < description.layers.size(); ++i) {
      const auto& [from, module] = description.layers[i];
      const bool joins = module.kind == "Concat";
      layers.push_back({from, joins ? nullptr : build_yolo_block(module, build)});
    }
    for (std::size_t i = 0; i < description.layers.size(); ++i) {
      for (const std::int64_t from : description.layers[i].from) {
        const std::size_t source = from < 0 ? i - 1 : static_cast<std::size_t>(from);
        if (source < layers.size()) layers[source].last_use = i;
      }
    }
    return layers;
  }

  /// The head's inputs. What no later layer takes is let go.
  std::vector<at::Tensor> run_layers(const at::Tensor& input) const {
    std::vector<at::Tensor> outputs(layers_.size());
    const auto output = [&](std::int64_t from, std::size_t i) -> const at::Tensor& {
      if (from >= 0) return outputs[static_cast<std::size_t>(from)];
      return i == 0 ? input : outputs[i - 1];
    };
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      if (layer.block) {
        outputs[i] = layer.block->forward(output(layer.from.front(), i), {});
      } else {
        std::vector<at::Tensor> parts;
        for (const std::int64_t from : layer.from) parts.push_back(output(from, i));
        outputs[i] = at::cat(parts, 1);
      }
      for (std::size_t earlier = 0; earlier <= i; ++earlier) {
        if (layers_[earlier].last_use <= i) outputs[earlier].reset();
      }
    }
    std::vector<at::Tensor> features;
    for (const std::int64_t from : head_from_) features.push_back(output(from, layers_.size()));
    return features;
  }

  /// Made once for an image size: they are the same for every pass, and a captured graph must not make them.
  const Anchors& anchors_for(const std::vector<at::Tensor>& features, const at::Tensor& input) const {
    std::vector<std::int64_t> sizes;
    for (const at::Tensor& feature : features) {
      sizes.push_back(feature.size(2));
      sizes.push_back(feature.size(3));
    }
    sizes.push_back(input.size(2));
    sizes.push_back(input.size(3));
    if (sizes != anchors_.sizes) anchors_ = make_anchors(std::move(sizes), features.front());
    return anchors_;
  }

  std::vector<Layer> layers_;
  std::vector<std::int64_t> head_from_;
  PoseHead head_;
  mutable Anchors anchors_;
};

}  // namespace

template <char scale>
std::unique_ptr<Model> build_yolo11_pose(Weights& weights, const BuildOptions& options) {
  YoloDescription description;
  if (weights.file() != nullptr && weights.file()->module()) {
    auto described = describe_yolo(*weights.file()->module(), scale);
    if (!described) {
      weights.fail(described.error());
      return nullptr;
    }
    description = std::move(*described);
  } else {
    description = yolo11_pose(scale, /*classes=*/1, YoloKeypoints{});
  }
  return std::make_unique<YoloPose>(description, Builder(weights, options));
}

template std::unique_ptr<Model> build_yolo11_pose<'n'>(Weights&, const BuildOptions&);
template std::unique_ptr<Model> build_yolo11_pose<'s'>(Weights&, const BuildOptions&);
template std::unique_ptr<Model> build_yolo11_pose<'m'>(Weights&, const BuildOptions&);
template std::unique_ptr<Model> build_yolo11_pose<'l'>(Weights&, const BuildOptions&);
template std::unique_ptr<Model> build_yolo11_pose<'x'>(Weights&, const BuildOptions&);

}  // namespace batchfit
