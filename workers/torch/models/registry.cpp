#include "base/text.h"
#include "language_model.h"
#include "models/model.h"

namespace batchfit {

namespace {

ModelInfo resnet50() {
  ModelInfo info;
  info.name = "resnet50";
  info.about =
      "ResNet-50 v1.5, image classification, 3x224x224, 25.6 M parameters (torchvision's architecture)";
  info.code = "resnet50-2";
  info.item_shape = {3, 224, 224};
  info.has_batchnorm = true;
  info.build = build_resnet50;
  return info;
}

ModelInfo vit_b_16() {
  ModelInfo info;
  info.name = "vit_b_16";
  info.about = "ViT-B/16, image classification, 3x224x224, 86.6 M parameters (torchvision's architecture)";
  info.code = "vit_b_16-2";
  info.item_shape = {3, 224, 224};
  info.build = build_vit_b_16;
  return info;
}

/// bf16 is left out: a step of 4 pixels at 640 is no place for a key point.
ModelInfo yolo11_pose(char scale, const char* parameters,
                      std::unique_ptr<Model> (*build)(Weights&, const BuildOptions&)) {
  ModelInfo info;
  info.name = std::string("yolo11") + scale + "-pose";
  info.about = std::string("YOLO11") + scale + "-pose, boxes and 17 key points, 3x640x640, " + parameters +
               " parameters (Ultralytics' architecture)";
  info.code = "yolo11-pose-2";
  info.dtypes = {"fp32", "fp16"};
  info.item_shape = {3, 640, 640};
  info.has_batchnorm = true;
  info.folds_batchnorm = true;
  info.fuses = true;
  info.image_multiple = 32;
  info.build = build;
  return info;
}

}  // namespace

const std::vector<ModelInfo>& models() {
  static const std::vector<ModelInfo> all = [] {
    std::vector<ModelInfo> infos{resnet50(),
                                 vit_b_16(),
                                 yolo11_pose('n', "2.9 M", build_yolo11_pose<'n'>),
                                 yolo11_pose('s', "9.9 M", build_yolo11_pose<'s'>),
                                 yolo11_pose('m', "20.9 M", build_yolo11_pose<'m'>),
                                 yolo11_pose('l', "26.2 M", build_yolo11_pose<'l'>),
                                 yolo11_pose('x', "58.8 M", build_yolo11_pose<'x'>)};
    for (ModelInfo& info : language_models()) infos.push_back(std::move(info));
    return infos;
  }();
  return all;
}

Result<const ModelInfo*> find_model(const std::string& name) {
  std::vector<std::string> names;
  for (const ModelInfo& info : models()) {
    if (info.name == name) return &info;
    names.push_back(info.name);
  }
  std::vector<std::string> near = nearest(name, names);
  return failure(
      ErrorKind::usage, "there is no model '" + name + "'",
      near.empty() ? "the models are " + join_words(names) : "did you mean " + join_words(near) + "?");
}

}  // namespace batchfit
