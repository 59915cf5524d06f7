#include "model_file.h"

#define XXH_INLINE_ALL
#include <c10/util/Exception.h>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>

#include "base/file.h"
#include "facts/fields.h"
#include "models/exported.h"

namespace batchfit {
namespace {

namespace fs = std::filesystem;

/// Batches that models are mostly exported for: a fixed export is tried with each, to be able to say which it
/// was made for.
constexpr std::array<Batch, 24> fixed_batches_tried{1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,  12,
                                                    13, 14, 15, 16, 20, 24, 32, 48, 64, 96, 128, 256};

// torch.export.save and torch.save write files of the same names.
constexpr const char* not_a_package_remedy =
    "make it with this torch's torch._inductor.aoti_compile_and_package, on this kind of device; what "
    "torch.export.save writes is not compiled";
constexpr const char* not_torchscript_remedy =
    "make it with torch.jit.trace or torch.jit.script and its save(); what torch.save writes are weights: "
    "give "
    "them to a model of 'batchfit models' with --weights, or run its Python code by the Python worker "
    "(docs/guide-your-model.md)";

std::string extension_of(const std::string& model) { return fs::path(model).extension().string(); }

bool is_package(const std::string& model) { return extension_of(model) == ".pt2"; }

/// 16 hexadecimal digits, XXH3-64 of the file's bytes; nothing where it cannot be read.
std::optional<std::string> digest_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  std::vector<char> block(static_cast<std::size_t>(mebibyte));
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0) {
    XXH3_64bits_update(&state, block.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (!file.eof()) return std::nullopt;
  return fmt::format("{:016x}", XXH3_64bits_digest(&state));
}

Answer<std::vector<ModelInput>> inputs_of(const LoadRequest& request) {
  if (!request.inputs.empty()) return request.inputs;
  const std::string beside = request.model + ".json";
  if (!file_exists(beside)) {
    return refuse(RefusalKind::usage, request.model + " does not say what its inputs are",
                  "give the shape of one item, as in --input 3x224x224, or write " + beside);
  }
  const auto text = read_file(beside);
  if (!text) return refuse(text.error());
  const auto json = parse_json(*text);
  const auto wrong = [&](const std::string& why) {
    return refuse(RefusalKind::usage, beside + ": " + why,
                  R"(write it as {"inputs": [{"shape": [3, 224, 224], "dtype": "fp32"}]})");
  };
  if (!json) return wrong("it is not JSON");
  if (!json->is_object() || !json->contains("inputs") || !json->at("inputs").is_array() ||
      json->at("inputs").empty()) {
    return wrong("it has no list 'inputs'");
  }
  std::vector<ModelInput> inputs;
  for (const Json& item : json->at("inputs")) {
    auto input = model_input_from_json(item);
    if (!input) return wrong(input.error().message);
    inputs.push_back(std::move(*input));
  }
  return inputs;
}

/// What torch says, without its C++ frames; of an error in the interpreter the last line, after the script's
/// frames.
std::string message_of(const std::exception& error) {
  if (const auto* torchs = dynamic_cast<const c10::Error*>(&error)) return torchs->what_without_backtrace();
  std::string text = error.what();
  text.erase(text.find_last_not_of(" \n") + 1);
  return text.substr(text.rfind('\n') + 1);
}

/// torch's message of a file that is none goes on for pages.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// Whether a pass of the batch runs and gives as many items: what was exported for another batch may do
/// either. Out of memory is thrown on, for it tells nothing.
bool runs_at(const LoadedModel& loaded, Batch batch, std::string* why = nullptr) {
  try {
    const at::Tensor output = loaded.run(loaded.inputs(batch));
    return !output.defined() || output.dim() == 0 || output.size(0) % batch == 0;
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const std::exception& error) {
    if (why != nullptr) *why = message_of(error);
    return false;
  }
}

/// Refuses a file that does not run at `first` and at twice that: at no batch, or at one only.
Answer<void> check_batches(const LoadedModel& loaded, Batch first) {
  std::string why;
  if (runs_at(loaded, first, &why) && runs_at(loaded, 2 * first)) return {};
  for (const Batch fixed : fixed_batches_tried) {
    if (!runs_at(loaded, fixed)) continue;
    return refuse(RefusalKind::usage,
                  fmt::format("{} is exported for a fixed batch of {}", loaded.request.model, fixed),
                  "export it with a dynamic batch dimension (torch.export.Dim)");
  }
  return refuse(
      RefusalKind::usage, fmt::format("{} does not run at batch {}: {}", loaded.request.model, first, why),
      "check --input (shapes without the batch, and dtypes); --verbose shows what the worker prints");
}

}  // namespace

bool is_model_file(const std::string& model) {
  const std::string extension = extension_of(model);
  return extension == ".ts" || extension == ".pt" || extension == ".pt2";
}

Answer<ModelInfo> check_model_file(const LoadRequest& request) {
  const bool package = is_package(request.model);
  if (!file_exists(request.model)) {
    return refuse(RefusalKind::usage, "there is no file '" + request.model + "'",
                  "give the path of the TorchScript file or package, as the worker's machine has it");
  }
  if (request.channels_last || request.weights != "random" || (package && !request.dtype.empty())) {
    return refuse(RefusalKind::usage,
                  request.model + " has its dtype, its memory format and its weights in itself",
                  "leave --channels-last, --weights and, for a package, --dtype out, or export it so");
  }
  auto inputs = inputs_of(request);
  if (!inputs) return tl::unexpected(inputs.error());
  const auto digest = digest_of_file(request.model);
  if (!digest)
    return refuse(RefusalKind::usage, request.model + " cannot be read", "make it readable to the worker");
  std::vector<std::string> texts;
  for (const ModelInput& input : *inputs) texts.push_back(text_of(input));
  ModelInfo info;
  info.name = fs::path(request.model).filename().string();
  // What the inputs beyond the first are changes a measurement too.
  info.code = fmt::format("{} ({})", package ? "aoti-package" : "torchscript", fmt::join(texts, ", "));
  info.weights = *digest;
  info.item_shape = inputs->front().shape;
  info.inputs = std::move(*inputs);
  return info;
}

Answer<LoadedModel> load_model_file(const LoadRequest& request, const ModelInfo& info, at::Device device) {
  LoadedModel loaded;
  loaded.request = request;
  loaded.info = info;
  loaded.device = device;
  const bool package = is_package(request.model);
  try {
    std::optional<at::ScalarType> dtype;
    if (!request.dtype.empty()) dtype = scalar_type(request.dtype);
    ExportedModel exported = package ? load_aoti_package(request.model, device, /*check_inputs=*/true)
                                     : load_torchscript(request.model, device, dtype);
    loaded.model = std::move(exported.model);
    const std::string& of_input = info.inputs.front().dtype;
    loaded.dtype = exported.dtype.value_or(of_input.empty() ? at::kFloat : scalar_type(of_input));
    loaded.request.dtype = dtype_name(loaded.dtype);
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const std::exception& error) {
    return refuse(RefusalKind::usage, request.model + " cannot be loaded: " + first_line(message_of(error)),
                  package ? not_a_package_remedy : not_torchscript_remedy);
  }
  if (const auto checked = check_batches(loaded, package ? 2 : 1); !checked)
    return tl::unexpected(checked.error());
  if (package) {
    loaded.model.reset();  // its memory must be free before the one without checks, which runs at batch 1,
                           // takes its own
    loaded.model = load_aoti_package(request.model, device, /*check_inputs=*/false).model;
  }
  return loaded;
}

}  // namespace batchfit
