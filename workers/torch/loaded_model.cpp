#include "loaded_model.h"

#include <ATen/ops/all.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"
#include "file_weights.h"
#include "language_model.h"
#include "model_file.h"
#include "runtime.h"

namespace batchfit {
namespace {

constexpr const char* random_weights = "random";

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string weights_of(const LoadedModel& loaded) {
  if (!loaded.info.weights.empty()) return loaded.info.weights;
  return fmt::format("random (seed {})", loaded.request.seed);
}

constexpr const char* image_size = "image_size";

/// The named sizes of the request: those that the model has are worked into the shape of its input.
Answer<ModelInfo> check_sizes(const LoadRequest& request, ModelInfo info) {
  for (const auto& [name, size] : request.shape) {
    if (name != image_size || info.image_multiple == 0) {
      return refuse(RefusalKind::usage, fmt::format("{} has no named size '{}'", info.name, name),
                    info.image_multiple == 0 ? "leave it out" : "it has image_size alone");
    }
    if (size < info.image_multiple || size % info.image_multiple != 0) {
      return refuse(RefusalKind::usage, fmt::format("{} takes no images of {} pixels", info.name, size),
                    fmt::format("choose a multiple of {}", info.image_multiple));
    }
    info.item_shape = {info.item_shape.front(), size, size};
  }
  return info;
}

/// Whether the model has what is asked of it.
Answer<ModelInfo> check_choices(const LoadRequest& request, const ModelInfo& info) {
  const auto refuse_option = [&](const std::string& what, const std::vector<std::string>& choices) {
    return refuse(RefusalKind::usage, fmt::format("{} has no {}", info.name, what),
                  choices.empty() ? "leave it out" : "choose from " + join_words(choices));
  };
  if (!request.dtype.empty() && !contains(info.dtypes, request.dtype))
    return refuse_option("dtype '" + request.dtype + "'", info.dtypes);
  if (!contains(info.modes, request.mode)) return refuse_option("mode '" + request.mode + "'", info.modes);
  if (request.fold_batchnorm.value_or(false) && !info.has_batchnorm) {
    return refuse_option("BatchNorm to fold", {});
  }
  return check_sizes(request, info);
}

/// Fills the model from a file, which must hold what the model has and no more.
Answer<void> build_from_file(LoadedModel& loaded, const BuildOptions& options) {
  const auto file = files::WeightsFile::open(loaded.request.weights);
  if (!file) return refuse(RefusalKind::usage, file.error().message, file.error().remedy);
  loaded.info.weights = (*file)->digest();
  FileWeights weights(*file, loaded.device);
  loaded.model = loaded.info.build(weights, options);
  if (!weights.error()) weights.check_all_used();
  if (weights.error()) {
    return refuse(RefusalKind::usage, loaded.request.weights + ": " + weights.error()->message,
                  weights.error()->remedy);
  }
  return {};
}

/// Makes what folded convolutions end in, and says so. Measurements with it say nothing of those without.
void add_epilogue(BuildOptions& options, LoadedModel& loaded) {
  if (!options.fold_batchnorm || !loaded.info.fuses || !loaded.device.is_cuda()) return;
  const double started = now();
  const auto epilogue = cuda_epilogue(loaded.device, loaded.dtype);
  if (!epilogue) {
    loaded.extra_notes.push_back("convolutions: bias and activation by ATen, slower, because " +
                                 epilogue.error().text());
    return;
  }
  options.epilogue = *epilogue;
  loaded.info.code += ", fused";
  loaded.extra_notes.push_back(
      fmt::format("convolutions: bias, activation and what is added in one kernel, made in {:.0f} ms",
                  (now() - started) * 1e3));
}

}  // namespace

at::ScalarType scalar_type(const std::string& dtype) {
  if (dtype == "fp16") return at::kHalf;
  if (dtype == "bf16") return at::kBFloat16;
  if (dtype == "int64") return at::kLong;
  if (dtype == "int32") return at::kInt;
  if (dtype == "bool") return at::kBool;
  return at::kFloat;
}

std::string dtype_name(at::ScalarType dtype) {
  for (const char* name : {"fp32", "fp16", "bf16", "int64", "int32", "bool"}) {
    if (scalar_type(name) == dtype) return name;
  }
  return c10::toString(dtype);
}

std::vector<at::Tensor> LoadedModel::inputs(Batch batch) const {
  if (auto own = model->own_inputs(batch); !own.empty()) return own;
  const auto format = request.channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  const std::vector<ModelInput> only{{info.item_shape, "", true}};
  std::vector<at::Tensor> made;
  for (const ModelInput& input : info.inputs.empty() ? only : info.inputs) {
    std::vector<std::int64_t> shape = input.shape;
    if (input.batched) shape.insert(shape.begin(), batch);
    const at::ScalarType type = input.dtype.empty() ? dtype : scalar_type(input.dtype);
    const auto options = at::TensorOptions().device(device).dtype(type).memory_format(format);
    const at::Tensor tensor = at::empty(shape, options);
    made.push_back(tensor.is_floating_point() ? tensor.normal_() : tensor.random_(0, 2));
  }
  return made;
}

Workload LoadedModel::workload(Timing timing) const {
  Workload workload;
  workload.model = info.name;
  workload.weights = weights_of(*this);
  workload.model_code = info.code;
  workload.dtype = request.dtype;
  workload.tf32 = request.tf32;
  workload.channels_last = request.channels_last;
  workload.folded_batchnorm = request.fold_batchnorm.value_or(false);
  workload.include_copies = request.include_copies;
  workload.mode = request.mode;
  workload.input_shape = info.item_shape;
  workload.shape = request.shape;
  workload.prompts = prompts;
  workload.timing = timing;
  return workload;
}

std::vector<std::string> LoadedModel::notes() const {
  const bool named = request.weights != random_weights;
  std::vector<std::string> notes{named ? fmt::format("weights: {} ({})", request.weights, weights_of(*this))
                                       : "weights: " + weights_of(*this)};
  if (request.tf32) notes.emplace_back("tf32: fp32 products are computed in TF32");
  notes.insert(notes.end(), extra_notes.begin(), extra_notes.end());
  return notes;
}

Answer<ModelInfo> check_request(const LoadRequest& request) {
  if (is_language_model(request.model)) return check_language_model(request);
  if (!request.prompts.empty()) {
    return refuse(RefusalKind::usage, request.model + " is no language model: it reads no prompts",
                  "leave --prompts out");
  }
  if (is_model_file(request.model)) {
    auto info = check_model_file(request);
    return info ? check_choices(request, *info) : std::move(info);
  }
  if (!request.inputs.empty()) {
    return refuse(RefusalKind::usage, request.model + " knows its inputs",
                  "leave --input out; it is for files");
  }
  const auto found = find_model(request.model);
  if (!found) return refuse(found.error());
  return check_choices(request, **found);
}

Answer<LoadedModel> build_model(const LoadRequest& request, at::Device device) {
  const auto info = check_request(request);
  if (!info) return tl::unexpected(info.error());
  if (is_language_model(request.model)) return load_language_model(request, *info, device);
  if (is_model_file(request.model)) return load_model_file(request, *info, device);
  LoadedModel loaded;
  loaded.request = request;
  if (request.dtype.empty()) loaded.request.dtype = info->dtypes.front();
  loaded.info = *info;
  loaded.device = device;
  loaded.dtype = scalar_type(loaded.request.dtype);
  // What the model's own rules decide is stated as if it had been asked for.
  if (info->image_multiple != 0) loaded.request.shape[image_size] = info->item_shape.back();
  const bool folds = request.fold_batchnorm.value_or(info->folds_batchnorm);
  loaded.request.fold_batchnorm = folds;
  BuildOptions options{loaded.dtype, request.channels_last, folds, {}};
  add_epilogue(options, loaded);
  if (request.weights != random_weights) {
    if (const auto built = build_from_file(loaded, options); !built) return tl::unexpected(built.error());
    return loaded;
  }
  RandomWeights weights(device, request.seed);
  loaded.model = loaded.info.build(weights, options);
  if (weights.error()) return refuse(*weights.error());
  return loaded;
}

Answer<void> check_output(const LoadedModel& loaded) {
  const at::Tensor output = loaded.run(loaded.inputs(1));
  if (!output.defined() || at::all(at::isfinite(output)).item<bool>()) return {};
  return refuse(RefusalKind::runtime, loaded.info.name + ": outputs are not finite at batch 1",
                "try another dtype, or check the weights");
}

}  // namespace batchfit
