#include "reference.h"

#include <ATen/ops/argmax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/std.h>
#include <ATen/ops/tensor.h>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/file.h"
#include "facts/fields.h"
#include "file_weights.h"
#include "files/checkpoint.h"
#include "language_model.h"
#include "models/model.h"

namespace batchfit {
namespace {

/// Where a reference comes from, and the file of weights given for it; empty: none.
struct Source {
  std::filesystem::path folder, weights;
};

using WeightsMaker = std::function<Result<std::unique_ptr<Weights>>(at::Device)>;

Result<std::unique_ptr<Weights>> hash_weights(at::Device device) {
  return std::make_unique<HashWeights>(device);
}

WeightsMaker weights_from(const std::filesystem::path& path) {
  return [path](at::Device device) -> Result<std::unique_ptr<Weights>> {
    auto file = files::WeightsFile::open(path);
    if (!file) return failure(file.error());
    return std::make_unique<FileWeights>(std::move(*file), device);
  };
}

/// How a vision model is run in float32.
auto run_of(const std::string& name, const at::Tensor& input, const WeightsMaker& make_weights) {
  return [=](at::Device device, bool fold_batchnorm) -> Result<NamedOutputs> {
    const auto info = find_model(name);
    if (!info) return failure(info.error());
    const auto weights = make_weights(device);
    if (!weights) return failure(weights.error());
    BuildOptions options{at::kFloat, /*channels_last=*/false, fold_batchnorm, {}};
    if (fold_batchnorm && device.is_cuda())
      options.epilogue = cuda_epilogue(device, options.dtype).value_or(nullptr);
    const std::unique_ptr<Model> model = (*info)->build(**weights, options);
    if ((*weights)->error()) return failure(*(*weights)->error());
    return model->named_outputs(input.to(device));
  };
}

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

/// The references to a folder's model: in float32 the logits after each prompt and the likeliest tokens that
/// follow; in bf16 the logits with weights rounded to it.
/// {"prompt": [[…]…], "logits_last", "logits_last_bf16_weights", "greedy"}: weights from the folder.
Result<std::vector<Reference>> read_language(const Json& json, const Source& source) {
  const auto ids = matrix_from(json.at("prompt")), logits = matrix_from(json.at("logits_last")),
             greedy = matrix_from(json.at("greedy")),
             rounded = matrix_from(json.at("logits_last_bf16_weights"));
  for (const auto* matrix : {&ids, &logits, &greedy, &rounded}) {
    if (!*matrix) return failure(matrix->error());
  }
  const std::filesystem::path folder = source.weights.empty() ? source.folder : source.weights;
  const std::string name = folder.filename().string();
  const auto expect = [](const char* output, const at::Tensor& values) {
    return ExpectedOutput{output, values, values.sizes().vec(), {}};
  };
  const at::Tensor prompt = ids->to(at::kLong);
  const std::int64_t count = greedy->size(1);
  const auto run_in = [=](at::ScalarType dtype) {
    return [=](at::Device device, bool) { return run_language_model(folder, device, dtype, prompt, count); };
  };
  return std::vector<Reference>{
      {name,
       name + " fp32",
       at::kFloat,
       {expect("logits", *logits), expect("greedy", *greedy)},
       run_in(at::kFloat)},
      {name, name + " bf16", at::kBFloat16, {expect("logits", *rounded)}, run_in(at::kBFloat16)}};
}

bool is_language(const Json& json) {
  const auto is_list = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_array();
  };
  return json.is_object() && is_list("prompt") && is_list("logits_last") && is_list("greedy") &&
         is_list("logits_last_bf16_weights");
}

/// {"models": {NAME: {"logits": [[…]…]}}}: weights and input by the hash rule.
Result<std::vector<Reference>> read_logits(const Json& json, const Source& source) {
  std::vector<Reference> references;
  for (const auto& [name, model] : json.at("models").items()) {
    auto logits = matrix_from(model.is_object() && model.contains("logits") ? model.at("logits") : Json());
    if (!logits) return failure(ErrorKind::corrupt, name + ": " + logits.error().message);
    const std::vector<std::int64_t> shape = logits->sizes().vec();
    const WeightsMaker weights = source.weights.empty() ? hash_weights : weights_from(source.weights);
    references.push_back({name,
                          name,
                          at::kFloat,
                          {{"output", std::move(*logits), shape, {}}},
                          run_of(name, hash_input(), weights)});
  }
  return references;
}

bool is_logits(const Json& json) {
  const auto models = json.is_object() ? json.find("models") : json.end();
  return models != json.end() && models->is_object() && json.contains("rule");
}

/// x[i] = 0.5 + 0.25 · sin(0.001 · i) + 0.25 · sin(0.0937 · i), as the file's `input_rule` says.
at::Tensor wave_input(const std::vector<std::int64_t>& shape) {
  at::Tensor input = at::empty(shape, at::TensorOptions().dtype(at::kFloat));
  float* out = input.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < input.numel(); ++i) {
    const auto x = static_cast<double>(i);
    out[i] = static_cast<float>(0.5 + 0.25 * std::sin(0.001 * x) + 0.25 * std::sin(0.0937 * x));
  }
  return input;
}

/// The numbers of a list; none where there is anything else.
std::vector<double> signed_numbers(const Json* list) {
  std::vector<double> numbers;
  for (const Json& item : list != nullptr && list->is_array() ? *list : Json::array()) {
    if (!item.is_number()) return {};
    numbers.push_back(item.get<double>());
  }
  return numbers;
}

Result<ExpectedOutput> read_sample(const std::string& name, const Json& json) {
  Fields fields(json, name);
  ExpectedOutput output;
  output.name = name;
  std::vector<std::int64_t> index;
  fields.required("shape", output.shape);
  fields.required("index", index);
  const std::vector<double> values = signed_numbers(fields.find("value"));
  std::int64_t count = 1;
  for (const std::int64_t size : output.shape) count *= size;
  const auto beyond = [&](std::int64_t i) { return i < 0 || i >= count; };
  if (index.empty() || index.size() != values.size() || std::any_of(index.begin(), index.end(), beyond)) {
    fields.fail("has no values by index");
  }
  if (const auto read = fields.finish(true); !read) return failure(read.error());
  output.index = at::tensor(index);
  output.values = at::tensor(values).to(at::kFloat).view({1, -1});
  return output;
}

/// {"file": NAME, "cases": [{"input_shape", "outputs": {NAME: {"shape", "index", "value"}}}]}: weights from
/// the file beside it, input by rule.
Result<std::vector<Reference>> read_samples(const Json& json, const Source& source) {
  Fields fields(json, "reference");
  std::string file;
  fields.required("file", file);
  if (const auto read = fields.finish(true); !read) return failure(read.error());
  std::vector<Reference> references;
  for (const Json& item : json.at("cases")) {
    Fields of_case(item, "case");
    std::vector<std::int64_t> shape;
    of_case.required("input_shape", shape);
    if (shape.size() != 4 || !item.contains("outputs")) of_case.fail("has no outputs for images");
    if (const auto read = of_case.finish(true); !read) return failure(read.error());
    Reference reference;
    reference.model = file.substr(0, file.rfind("-random"));
    reference.label = fmt::format("{} {}", reference.model, fmt::join(shape, "x"));
    reference.run = run_of(reference.model, wave_input(shape),
                           weights_from(source.weights.empty() ? source.folder / file : source.weights));
    for (const auto& [name, output] : item.at("outputs").items()) {
      auto sample = read_sample(name, output);
      if (!sample) return failure(sample.error());
      reference.outputs.push_back(std::move(*sample));
    }
    references.push_back(std::move(reference));
  }
  return references;
}

bool is_samples(const Json& json) {
  const auto cases = json.is_object() ? json.find("cases") : json.end();
  return cases != json.end() && cases->is_array() && json.contains("input_rule");
}

struct Layout {
  bool (*recognises)(const Json&);
  Result<std::vector<Reference>> (*read)(const Json&, const Source&);
};
constexpr std::array<Layout, 3> layouts{
    {{is_logits, read_logits}, {is_samples, read_samples}, {is_language, read_language}}};

/// What of an output the reference holds.
Result<at::Tensor> part_of(const at::Tensor& output, const ExpectedOutput& expected) {
  if (output.sizes() != at::IntArrayRef(expected.shape)) {
    return failure(ErrorKind::runtime, expected.name + " has another shape than the reference's");
  }
  if (!expected.index.defined()) return output;
  return output.reshape(-1).index_select(0, expected.index).view({1, -1});
}

}  // namespace

Result<std::vector<Reference>> read_references(const std::filesystem::path& given,
                                               const std::filesystem::path& weights) {
  const std::filesystem::path path = files::is_checkpoint(given) ? given / "reference.json" : given;
  const auto text = read_file(path);
  if (!text) return failure(text.error());
  const auto json = parse_json(*text);
  if (!json) return failure(json.error().kind, path.string() + ": " + json.error().message);
  for (const Layout& layout : layouts) {
    if (layout.recognises(*json)) return layout.read(*json, {path.parent_path(), weights});
  }
  return failure(ErrorKind::corrupt, path.string() + " is no reference file of a known layout",
                 "give a file laid out as those of tests/data");
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

Result<std::vector<OutputDeviation>> deviations_of(const Reference& reference, at::Device device,
                                                   bool fold_batchnorm) {
  const auto outputs = reference.run(device, fold_batchnorm);
  if (!outputs) return failure(outputs.error());
  std::vector<OutputDeviation> deviations;
  for (const ExpectedOutput& expected : reference.outputs) {
    const auto found = std::find_if(outputs->begin(), outputs->end(),
                                    [&](const auto& output) { return output.first == expected.name; });
    if (found == outputs->end())
      return failure(ErrorKind::corrupt, "the model has no output " + expected.name);
    const auto part = part_of(found->second.to(at::kCPU), expected);
    if (!part) return failure(part.error());
    const auto deviation = compare_outputs(*part, expected.values);
    if (!deviation) return failure(deviation.error());
    deviations.push_back({expected.name, *deviation});
  }
  return deviations;
}

}  // namespace batchfit
