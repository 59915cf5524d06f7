#include "loaded_model.h"

#include <ATen/ops/all.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"

namespace batchfit {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string random_weights(const LoadRequest& request) {
  return fmt::format("random (seed {})", request.seed);
}

}  // namespace

at::ScalarType scalar_type(const std::string& dtype) {
  if (dtype == "fp16") return at::kHalf;
  if (dtype == "bf16") return at::kBFloat16;
  return at::kFloat;
}

at::Tensor LoadedModel::input(Batch batch) const {
  std::vector<std::int64_t> shape{batch};
  shape.insert(shape.end(), info->item_shape.begin(), info->item_shape.end());
  const auto format = request.channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  return at::empty(shape, at::TensorOptions().device(device).dtype(dtype).memory_format(format)).normal_();
}

Workload LoadedModel::workload(Timing timing) const {
  Workload workload;
  workload.model = info->name;
  workload.weights = random_weights(request);
  workload.model_code = info->code;
  workload.dtype = request.dtype;
  workload.tf32 = request.tf32;
  workload.channels_last = request.channels_last;
  workload.folded_batchnorm = request.fold_batchnorm;
  workload.include_copies = request.include_copies;
  workload.mode = request.mode;
  workload.input_shape = info->item_shape;
  workload.shape = request.shape;
  workload.timing = timing;
  return workload;
}

std::vector<std::string> LoadedModel::notes() const {
  std::vector<std::string> notes{"weights: " + random_weights(request)};
  if (request.tf32) notes.emplace_back("tf32: fp32 products are computed in TF32");
  return notes;
}

Answer<const ModelInfo*> check_request(const LoadRequest& request) {
  const auto found = find_model(request.model);
  if (!found) return refuse(found.error());
  const ModelInfo& info = **found;
  const auto refuse_option = [&](const std::string& what, const std::vector<std::string>& choices) {
    return refuse(RefusalKind::usage, fmt::format("{} has no {}", info.name, what),
                  choices.empty() ? "leave it out" : "choose from " + join_words(choices));
  };
  if (!contains(info.dtypes, request.dtype))
    return refuse_option("dtype '" + request.dtype + "'", info.dtypes);
  if (!contains(info.modes, request.mode)) return refuse_option("mode '" + request.mode + "'", info.modes);
  if (!request.shape.empty()) return refuse_option("named size '" + request.shape.begin()->first + "'", {});
  if (request.fold_batchnorm && !info.has_batchnorm) return refuse_option("BatchNorm to fold", {});
  if (request.weights != "random") {
    return refuse(RefusalKind::unsupported,
                  "this worker does not read weights from files ('" + request.weights + "')",
                  "leave the weights out to run with random ones");
  }
  return &info;
}

Answer<LoadedModel> build_model(const LoadRequest& request, at::Device device) {
  const auto info = check_request(request);
  if (!info) return tl::unexpected(info.error());
  LoadedModel loaded;
  loaded.request = request;
  loaded.info = *info;
  loaded.device = device;
  loaded.dtype = scalar_type(request.dtype);
  RandomWeights weights(device, request.seed);
  loaded.model = loaded.info->build(weights, {loaded.dtype, request.channels_last, request.fold_batchnorm});
  if (weights.error()) return refuse(*weights.error());
  return loaded;
}

Answer<void> check_output(const LoadedModel& loaded) {
  const at::Tensor output = loaded.model->forward(loaded.input(1));
  if (at::all(at::isfinite(output)).item<bool>()) return {};
  return refuse(RefusalKind::runtime, loaded.info->name + ": outputs are not finite at batch 1",
                "try another dtype, or check the weights");
}

}  // namespace batchfit
