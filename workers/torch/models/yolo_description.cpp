#include "models/yolo_description.h"

#include <fmt/core.h>

#include <algorithm>

namespace batchfit {
namespace {

constexpr double largest_setting = 1 << 20;

tl::unexpected<Error> unknown(const std::string& path, const std::string& what) {
  return failure(ErrorKind::corrupt,
                 fmt::format("module {} {}, which is no part of a YOLO11 pose model", path, what),
                 "give a checkpoint of a YOLO11 pose model");
}

struct Setting {
  const char* name;
  double least;          ///< smaller is refused
  double fallback = -1;  ///< where files of older versions lack it; negative: it must be there
};

struct Kind {
  std::string_view name;
  std::vector<Setting> settings;
};

/// The classes that occur, with what of their settings changes the result.
const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"Conv", {}},
      {"DWConv", {}},
      {"Conv2d",
       {{"in_channels", 1},
        {"out_channels", 1},
        {"kernel_size", 1},
        {"stride", 1},
        {"padding", 0},
        {"groups", 1}}},
      {"BatchNorm2d", {{"eps", 0}}},
      {"SiLU", {}},
      {"Identity", {}},
      {"Bottleneck", {{"add", 0}}},
      {"C3k", {}},
      {"C3k2", {}},
      {"SPPF", {{"n", 1, 3}, {"add", 0, 0}}},
      {"MaxPool2d", {{"kernel_size", 1}}},
      {"C2PSA", {}},
      {"PSABlock", {{"add", 0}}},
      {"Attention", {{"num_heads", 1}, {"key_dim", 1}, {"head_dim", 1}, {"scale", 0}}},
      {"Upsample", {{"scale_factor", 1}}},
      {"Concat", {{"d", 1}}},
      {"Sequential", {}},
      {"ModuleList", {}},
      {"DFL", {}},
      {"Pose", {{"nc", 1}, {"reg_max", 1}, {"kpt_shape", 1}}},
  };
  return all;
}

/// A number, a truth value, or a list of whole numbers.
Result<std::vector<double>> numbers(const files::Module& module, const char* name) {
  if (const auto flag = module.flag(name)) return std::vector<double>{*flag ? 1.0 : 0.0};
  if (const auto number = module.number(name)) return std::vector<double>{*number};
  const auto list = module.integers(name);
  if (!list) return failure(list.error());
  return std::vector<double>(list->begin(), list->end());
}

Result<void> read_settings(const files::Module& module, const Kind& kind, YoloModule& out) {
  for (const Setting& setting : kind.settings) {
    if (setting.fallback >= 0 && module.attribute(setting.name) == nullptr) {
      out.settings[setting.name] = {setting.fallback};
      continue;
    }
    const auto values = numbers(module, setting.name);
    if (!values) return failure(values.error());
    const auto possible = [&](double value) { return value >= setting.least && value <= largest_setting; };
    if (values->empty() || !std::all_of(values->begin(), values->end(), possible)) {
      return unknown(out.path, fmt::format("has an impossible '{}'", setting.name));
    }
    out.settings[setting.name] = *values;
  }
  return {};
}

/// Settings that no YOLO11 changes.
Result<void> check_fixed(const files::Module& module) {
  const auto text = [&](const char* name) {
    const files::Value* value = module.attribute(name);
    const auto* found = value == nullptr ? nullptr : value->as<files::Text>();
    return found == nullptr ? std::string_view() : found->text;
  };
  if (module.class_name() == "Upsample" && text("mode") != "nearest") {
    return unknown(module.path(), "does not repeat the nearest value");
  }
  if (module.class_name() != "Conv2d") return {};
  const auto dilation = numbers(module, "dilation");
  if (!dilation) return failure(dilation.error());
  const bool plain = *dilation == std::vector<double>(dilation->size(), 1) && text("padding_mode") == "zeros";
  if (!plain) return unknown(module.path(), "is dilated or padded with other than zeros");
  return {};
}

Result<YoloModule> describe(const files::Module& module) {
  YoloModule out;
  out.kind = module.class_name();
  out.path = module.path();
  const auto kind =
      std::find_if(kinds().begin(), kinds().end(), [&](const Kind& k) { return k.name == out.kind; });
  if (kind == kinds().end()) return unknown(out.path, "is a " + out.kind);
  if (const auto read = read_settings(module, *kind, out); !read) return failure(read.error());
  if (const auto checked = check_fixed(module); !checked) return failure(checked.error());
  const auto children = module.children();
  if (!children) return failure(children.error());
  for (const auto& [name, child] : *children) {
    auto described = describe(child);
    if (!described) return failure(described.error());
    out.children.push_back(std::move(*described));
  }
  return out;
}

Result<YoloLayer> describe_layer(const files::Module& module, std::int64_t index) {
  auto described = describe(module);
  if (!described) return failure(described.error());
  YoloLayer layer{{}, std::move(*described)};
  if (const auto single = module.integer("f")) {
    layer.from = {*single};
  } else {
    auto list = module.integers("f");
    if (!list) return failure(list.error());
    layer.from = std::move(*list);
  }
  const auto earlier = [&](std::int64_t from) { return from >= -1 && from < index; };
  if (layer.from.empty() || !std::all_of(layer.from.begin(), layer.from.end(), earlier)) {
    return unknown(module.path(), "takes outputs of what comes after it");
  }
  return layer;
}

/// usage error where the file's own table names another scale.
Result<void> check_scale(const files::Module& model, char scale) {
  const files::Value* yaml = model.attribute("yaml");
  const auto* dict = yaml == nullptr ? nullptr : yaml->as<files::Dict>();
  const files::Value* named = dict == nullptr ? nullptr : files::find(*dict, "scale");
  const auto* text = named == nullptr ? nullptr : named->as<files::Text>();
  if (text == nullptr || text->text == std::string_view(&scale, 1)) return {};
  const bool known =
      text->text.size() == 1 && std::string_view("nsmlx").find(text->text) != std::string_view::npos;
  return failure(ErrorKind::usage, fmt::format("the file's model is not of scale {}", scale),
                 known ? fmt::format("name the model yolo11{}-pose", text->text) : "give another file");
}

}  // namespace

Result<YoloDescription> describe_yolo(const files::Module& model, char scale) {
  if (const auto checked = check_scale(model, scale); !checked) return failure(checked.error());
  const auto layers = model.child("model");
  if (!layers) return failure(layers.error());
  const auto children = layers->children();
  if (!children) return failure(children.error());
  YoloDescription out;
  for (const auto& [name, child] : *children) {
    auto layer = describe_layer(child, static_cast<std::int64_t>(out.layers.size()));
    if (!layer) return failure(layer.error());
    out.layers.push_back(std::move(*layer));
  }
  if (out.layers.empty() || out.layers.back().module.kind != "Pose") {
    return unknown(layers->path(), "does not end in a pose head");
  }
  return out;
}

}  // namespace batchfit
