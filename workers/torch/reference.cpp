#include "reference.h"

#include <ATen/ops/argmax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/std.h>
#include <ATen/ops/tensor.h>

#include <array>
#include <limits>
#include <utility>

#include "base/file.h"
#include "facts/json.h"
#include "models/model.h"

namespace batchfit {
namespace {

std::unique_ptr<Weights> hash_weights(at::Device device) { return std::make_unique<HashWeights>(device); }

/// A matrix of numbers, as rows of equal length.
Result<at::Tensor> matrix_from(const Json& json) {
  const auto malformed = [] {
    return failure(ErrorKind::corrupt, "the logits are not rows of numbers of one length");
  };
  if (!json.is_array() || json.empty() || !json[0].is_array() || json[0].empty()) return malformed();
  const std::size_t rows = json.size(), columns = json[0].size();
  at::Tensor matrix = at::empty({static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)},
                                at::TensorOptions().dtype(at::kFloat));
  float* out = matrix.mutable_data_ptr<float>();
  for (const Json& row : json) {
    if (!row.is_array() || row.size() != columns) return malformed();
    for (const Json& value : row) {
      if (!value.is_number()) return malformed();
      *out++ = value.get<float>();
    }
  }
  return matrix;
}

/// {"models": {NAME: {"logits": [[…]…]}}}: weights and input by the hash rule.
Result<std::vector<Reference>> read_logits(const Json& json) {
  std::vector<Reference> references;
  for (const auto& [name, model] : json.at("models").items()) {
    auto logits = matrix_from(model.is_object() && model.contains("logits") ? model.at("logits") : Json());
    if (!logits) return failure(ErrorKind::corrupt, name + ": " + logits.error().message);
    references.push_back({name, hash_input(), std::move(*logits), hash_weights});
  }
  return references;
}

bool is_logits(const Json& json) {
  const auto models = json.is_object() ? json.find("models") : json.end();
  return models != json.end() && models->is_object() && json.contains("rule");
}

struct Layout {
  bool (*recognises)(const Json&);
  Result<std::vector<Reference>> (*read)(const Json&);
};
constexpr std::array<Layout, 1> layouts{{{is_logits, read_logits}}};

}  // namespace

Result<std::vector<Reference>> read_references(const std::filesystem::path& path) {
  const auto text = read_file(path);
  if (!text) return failure(text.error());
  const auto json = parse_json(*text);
  if (!json) return failure(json.error().kind, path.string() + ": " + json.error().message);
  for (const Layout& layout : layouts) {
    if (layout.recognises(*json)) return layout.read(*json);
  }
  return failure(ErrorKind::corrupt, path.string() + " is no reference file of a known layout",
                 "give a file laid out as tests/data/torchvision-logits.json");
}

Result<Deviation> compare_outputs(const at::Tensor& output, const at::Tensor& reference) {
  if (output.sizes() != reference.sizes()) return failure(ErrorKind::runtime, "the output has another shape");
  Deviation deviation;
  deviation.largest_error = output.sub(reference).abs().max().item<double>();
  // A NaN compares false with every tolerance; as infinity it fails each.
  if (deviation.largest_error != deviation.largest_error) {
    deviation.largest_error = std::numeric_limits<double>::infinity();
  }
  deviation.spread = at::std(reference).item<double>();
  deviation.rows = reference.size(0);
  deviation.same_argmax = at::argmax(output, 1).eq(at::argmax(reference, 1)).sum().item<std::int64_t>();
  return deviation;
}

Result<Deviation> deviation_of(const Reference& reference, at::Device device) {
  const auto info = find_model(reference.model);
  if (!info) return failure(info.error());
  const std::unique_ptr<Weights> weights = reference.weights(device);
  const std::unique_ptr<Model> model = (*info)->build(*weights, BuildOptions{});
  if (weights->error()) return failure(*weights->error());
  return compare_outputs(model->forward(reference.input.to(device)).to(at::kCPU), reference.output);
}

}  // namespace batchfit
