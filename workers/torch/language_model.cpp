#include "language_model.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <optional>

#include "base/text.h"
#include "files/checkpoint.h"
#include "models/llama_pass.h"
#include "prompts.h"
#include "runtime.h"

namespace batchfit {
namespace {

namespace fs = std::filesystem;

constexpr const char* random_weights = "random";
/// Changes whenever a measurement may.
constexpr const char* code_version = "llama-2";
constexpr const char* length_name = "length";
constexpr const char* new_name = "new";
constexpr const char* kv_name = "kv_bits";

struct NamedModel {
  const char* name;
  const char* about;
  LlamaConfig config;
  std::optional<FourBitCode> four_bit;
};

LlamaConfig tiny() {
  LlamaConfig config;
  config.hidden = 256;
  config.intermediate = 768;
  config.layers = 3;
  config.heads = 8;
  config.kv_heads = 2;
  config.head_size = 32;
  config.vocabulary = 1024;
  config.most_positions = 2048;
  return config;
}

const std::vector<NamedModel>& named_models() {
  static const std::vector<NamedModel> all{
      {"llama-3-8b", "Llama 3 8B, 8.0 G parameters (Meta's architecture)", LlamaConfig{}, std::nullopt},
      {"llama-3-8b-nf4", "Llama 3 8B, its linear layers in 4 bits (NF4, as bitsandbytes has it)",
       LlamaConfig{}, FourBitCode::nf4},
      {"llama-tiny-nf4",
       "3 layers of Llama 3's architecture, hidden size 256, in 4 bits (NF4): to try things", tiny(),
       FourBitCode::nf4}};
  return all;
}

const NamedModel* find_named(const std::string& name) {
  const auto& all = named_models();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& model) { return model.name == name; });
  return found == all.end() ? nullptr : &*found;
}

const std::map<std::string, LlamaMode>& modes() {
  static const std::map<std::string, LlamaMode> all{
      {"prefill", LlamaMode::prefill}, {"decode", LlamaMode::decode}, {"generate", LlamaMode::generate}};
  return all;
}

ModelInfo info_of(const std::string& name, const std::string& about) {
  ModelInfo info;
  info.name = name;
  info.about = about;
  info.code = code_version;
  info.dtypes = {"bf16", "fp16", "fp32"};
  info.modes = {"prefill", "decode", "generate"};
  return info;
}

/// The folder that the weights come from; empty: none.
std::string folder_of(const LoadRequest& request) {
  if (find_named(request.model) == nullptr) return request.model;
  return request.weights == random_weights ? "" : request.weights;
}

Answer<LlamaConfig> config_of(const LoadRequest& request) {
  const std::string folder = folder_of(request);
  if (folder.empty()) return find_named(request.model)->config;
  if (!files::is_checkpoint(folder)) {
    return refuse(RefusalKind::usage, folder + " is no folder of a model",
                  "give a folder that holds config.json and safetensors, as the worker's machine has it");
  }
  const auto json = files::read_config(folder);
  if (!json) return refuse(json.error());
  const auto config = llama_config_from_json(*json);
  if (!config) {
    return refuse(RefusalKind::usage, folder + ": " + config.error().message,
                  "give a folder of Llama 2, 3 or 3.1, or run another by the Python worker "
                  "(docs/guide-your-model.md)");
  }
  const NamedModel* named = find_named(request.model);
  const std::string difference = named == nullptr ? "" : difference_of(*config, named->config);
  if (difference.empty()) return *config;
  return refuse(RefusalKind::usage, fmt::format("{} is no {}: {}", folder, request.model, difference),
                "name the folder itself as the model");
}

std::string mode_of(const LoadRequest& request) {
  return request.mode == "forward" ? "prefill" : request.mode;
}

/// What a pass does, by the request's named sizes.
Answer<LlamaTask> task_of(const LoadRequest& request, const LlamaConfig& config) {
  const std::string name = mode_of(request);
  LlamaTask task;
  task.mode = modes().at(name);
  task.seed = request.seed;
  for (const auto& [size_name, size] : request.shape) {
    if (size_name == length_name) {
      task.length = size;
    } else if (size_name == new_name && task.mode == LlamaMode::generate) {
      task.new_tokens = size;
    } else if (size_name == kv_name && (size == 4 || size == 8 || size == 16)) {
      task.kv = static_cast<KvFormat>(size);
    } else if (size_name == kv_name) {
      return refuse(RefusalKind::usage, fmt::format("there is no cache of {} bits", size),
                    "choose 16, 8 or 4 (--kv bf16, int8 or nf4)");
    } else {
      return refuse(
          RefusalKind::usage,
          fmt::format("{} has no named size '{}' in mode {}", request.model, size_name, name),
          task.mode == LlamaMode::generate ? "it has length, new and kv_bits" : "it has length and kv_bits");
    }
  }
  if (task.length < 1 || task.new_tokens < 1)
    return refuse(RefusalKind::usage, "a length of 0 tokens", "give 1 or more");
  const std::int64_t tokens = task.length + (task.mode == LlamaMode::decode     ? 1
                                             : task.mode == LlamaMode::generate ? task.new_tokens
                                                                                : 0);
  if (tokens <= config.most_positions) return task;
  return refuse(RefusalKind::usage,
                fmt::format("{} takes contexts of up to {} tokens, and this is one of {}", request.model,
                            config.most_positions, tokens),
                "give a shorter one");
}

std::vector<std::int64_t> item_shape_of(const LlamaTask& task) {
  return {task.mode == LlamaMode::decode ? 1 : task.length};
}

/// Of options that a language model does not have.
Answer<void> check_options(const LoadRequest& request, const ModelInfo& info) {
  const auto refuse_option = [&](const std::string& what, const std::string& remedy) {
    return refuse(RefusalKind::usage, request.model + " has no " + what, remedy);
  };
  const auto contains = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (!request.inputs.empty())
    return refuse_option("inputs to describe", "leave --input out; it is for files");
  if (request.channels_last) return refuse_option("memory format", "leave --channels-last out");
  if (request.fold_batchnorm.value_or(false)) return refuse_option("BatchNorm to fold", "leave it out");
  if (request.include_copies)
    return refuse_option("inputs worth copying: they are token ids", "leave --include-copies out");
  if (!request.dtype.empty() && !contains(info.dtypes, request.dtype))
    return refuse_option("dtype '" + request.dtype + "'", "choose from " + join_words(info.dtypes));
  if (!contains(info.modes, mode_of(request)))
    return refuse_option("mode '" + request.mode + "'", "choose from " + join_words(info.modes));
  if (!request.prompts.empty() && mode_of(request) == "decode")
    return refuse_option("prompts to read in mode decode, whose cache holds random keys and values",
                         "choose --mode prefill, or --mode generate");
  if (request.dtype == "fp32" && request.device != "cpu")
    return refuse_option("fp32 on a GPU", "choose bf16 or fp16 there");
  if (find_named(request.model) == nullptr && request.weights != random_weights) {
    return refuse_option("other weights than the folder's", "leave --weights out");
  }
  return {};
}

/// A folder's model, and the digest of what was read.
struct ReadLlama {
  std::shared_ptr<const Llama> llama;
  std::string digest;
  Bytes bytes = 0;
  Seconds took = 0;
};

Result<ReadLlama> read_llama(const std::string& folder, const LlamaConfig& config, at::Device device,
                             at::ScalarType dtype) {
  const auto checkpoint = files::Checkpoint::open(folder);
  if (!checkpoint) return failure(checkpoint.error());
  const double start = now();
  CheckpointLlamaWeights weights(*checkpoint, device, dtype);
  auto llama = std::make_shared<const Llama>(config, weights);
  weights.check_all_used(config.tied_embeddings);
  if (weights.error())
    return failure(ErrorKind::usage, folder + ": " + weights.error()->message, weights.error()->remedy);
  return ReadLlama{std::move(llama), weights.digest(), weights.bytes_read(), now() - start};
}

std::string kv_note(const Llama& llama, KvFormat kv) {
  const auto bytes = [&](KvFormat format) {
    const auto specs = KvCache::tensors(llama.cache_shape(1, 1), format, llama.dtype());
    return KvCache(tensors_in_one(specs, llama.device()), format, llama.dtype()).bytes_of_token();
  };
  return fmt::format(
      "kv cache: {} bits, {} bytes a token where {} are plain; after a fixed prompt of 64 tokens the logits "
      "are "
      "off by {:.2g} of their spread at most",
      static_cast<int>(kv), bytes(kv), bytes(KvFormat::plain), kv_error(llama, kv));
}

}  // namespace

bool is_language_model(const std::string& model) {
  return find_named(model) != nullptr || files::is_checkpoint(model);
}

std::vector<ModelInfo> language_models() {
  std::vector<ModelInfo> infos;
  for (const NamedModel& model : named_models()) infos.push_back(info_of(model.name, model.about));
  return infos;
}

Answer<ModelInfo> check_language_model(const LoadRequest& request) {
  const std::string name = fs::path(request.model).lexically_normal().filename().string();
  ModelInfo info = info_of(find_named(request.model) != nullptr ? request.model : name, "");
  if (const auto checked = check_options(request, info); !checked) return tl::unexpected(checked.error());
  const auto config = config_of(request);
  if (!config) return tl::unexpected(config.error());
  const auto task = task_of(request, *config);
  if (!task) return tl::unexpected(task.error());
  info.item_shape = item_shape_of(*task);
  return info;
}

Answer<LoadedModel> load_language_model(LoadRequest request, const ModelInfo& info, at::Device device) {
  const auto config = config_of(request);
  if (!config) return tl::unexpected(config.error());
  std::optional<ModelPrompts> prompts;
  if (!request.prompts.empty()) {
    auto read = read_prompts(request, folder_of(request), *config);
    if (!read) return tl::unexpected(read.error());
    prompts = std::move(*read);
    request.shape[length_name] = prompts->ids.length;
  }
  const auto task = task_of(request, *config);
  if (!task) return tl::unexpected(task.error());
  LoadedModel loaded;
  loaded.request = request;
  loaded.info = info;
  loaded.info.item_shape = item_shape_of(*task);
  loaded.device = device;
  if (request.dtype.empty()) loaded.request.dtype = info.dtypes.front();
  loaded.dtype = scalar_type(loaded.request.dtype);
  // What the model's own rules decide is stated as if it had been asked for.
  loaded.request.mode = mode_of(request);
  loaded.request.shape[length_name] = task->length;
  loaded.request.shape[kv_name] = static_cast<std::int64_t>(task->kv);
  if (task->mode == LlamaMode::generate) loaded.request.shape[new_name] = task->new_tokens;

  std::shared_ptr<const Llama> llama;
  if (const std::string folder = folder_of(request); !folder.empty()) {
    auto read = read_llama(folder, *config, device, loaded.dtype);
    if (!read) return refuse(RefusalKind::usage, read.error().message, read.error().remedy);
    llama = std::move(read->llama);
    loaded.info.weights = read->digest;
    loaded.request.weights = folder;
    loaded.extra_notes.push_back(
        fmt::format("weights: {} read in {}", format_bytes(read->bytes), format_seconds(read->took)));
  } else {
    RandomLlamaWeights weights(device, loaded.dtype, request.seed, find_named(request.model)->four_bit);
    llama = std::make_shared<const Llama>(*config, weights);
  }
  if (const FourBitProducts* products = llama->four_bit_products()) {
    loaded.info.code += fmt::format(", {}", products->name());
    if (!products->note().empty()) loaded.extra_notes.push_back(products->note());
  }
  if (task->kv != KvFormat::plain) loaded.extra_notes.push_back(kv_note(*llama, task->kv));
  if (prompts) {
    loaded.prompts = prompts->set;
    loaded.extra_notes.push_back(prompts_note(*prompts, *llama));
  }
  loaded.model = std::make_unique<LlamaPass>(std::move(llama), *task, prompts ? prompts->ids : PromptIds{});
  return loaded;
}

Result<std::vector<std::pair<std::string, at::Tensor>>> run_language_model(const std::string& folder,
                                                                           at::Device device,
                                                                           at::ScalarType dtype,
                                                                           const at::Tensor& ids,
                                                                           std::int64_t count) {
  const auto json = files::read_config(folder);
  if (!json) return failure(json.error());
  const auto config = llama_config_from_json(*json);
  if (!config) return failure(config.error());
  const auto read = read_llama(folder, *config, device, dtype);
  if (!read) return failure(read.error());
  const Generated made = greedy(*read->llama, ids.to(device), count, KvFormat::plain);
  return std::vector<std::pair<std::string, at::Tensor>>{{"logits", made.prompt_logits.to(at::kFloat)},
                                                         {"greedy", made.tokens.to(at::kFloat)}};
}

}  // namespace batchfit
