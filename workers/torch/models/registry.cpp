#include "base/text.h"
#include "models/model.h"

namespace batchfit {

const std::vector<ModelInfo>& models() {
  static const std::vector<ModelInfo> all = [] {
    std::vector<ModelInfo> list(2);
    ModelInfo& resnet50 = list[0];
    resnet50.name = "resnet50";
    resnet50.about =
        "ResNet-50 v1.5, image classification, 3x224x224, 25.6 M parameters (torchvision's architecture)";
    resnet50.code = "resnet50-2";
    resnet50.item_shape = {3, 224, 224};
    resnet50.has_batchnorm = true;
    resnet50.build = build_resnet50;
    ModelInfo& vit = list[1];
    vit.name = "vit_b_16";
    vit.about = "ViT-B/16, image classification, 3x224x224, 86.6 M parameters (torchvision's architecture)";
    vit.code = "vit_b_16-2";
    vit.item_shape = {3, 224, 224};
    vit.build = build_vit_b_16;
    return list;
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
