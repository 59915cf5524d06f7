#include "models/llama_config.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "facts/fields.h"

namespace batchfit {
namespace {

constexpr const char* what = "config.json";

/// The sizes by their names in config.json.
constexpr std::array<std::pair<const char*, std::int64_t LlamaConfig::*>, 8> sizes{
    {{"hidden_size", &LlamaConfig::hidden},
     {"intermediate_size", &LlamaConfig::intermediate},
     {"num_hidden_layers", &LlamaConfig::layers},
     {"num_attention_heads", &LlamaConfig::heads},
     {"num_key_value_heads", &LlamaConfig::kv_heads},
     {"head_dim", &LlamaConfig::head_size},
     {"vocab_size", &LlamaConfig::vocabulary},
     {"max_position_embeddings", &LlamaConfig::most_positions}}};
/// Larger than of any model, and small enough that no product of two overflows.
constexpr std::int64_t largest_size = 1 << 30;

void check_architecture(Fields& fields) {
  std::string type;
  fields.required("model_type", type);
  if (type != "llama") {
    fields.fail(
        fmt::format("is of a model of type '{}', and only 'llama' (Llama 2, 3 and 3.1) is known", type));
  }
  std::string activation = "silu";
  fields.maybe("hidden_act", activation);
  if (activation != "silu") fields.fail("has the activation '" + activation + "', where 'silu' is expected");
}

void check_quantisation(Fields& fields) {
  const Json* json = fields.find("quantization_config");
  if (json == nullptr || json->is_null()) return;
  Fields inner(*json, "quantization_config", ErrorKind::usage);
  std::string method;
  bool four_bit = false;
  inner.required("quant_method", method);
  inner.maybe("load_in_4bit", four_bit);
  if (method != "bitsandbytes" || !four_bit) {
    inner.fail(fmt::format("is '{}'{}, and only bitsandbytes in 4 bits is known", method,
                           method == "bitsandbytes" ? " in 8 bits" : ""));
  }
  bool ignored = true;
  fields.nested(inner.finish(true), ignored);
}

/// rope_scaling of the older layout and rope_parameters of the newer one hold the same.
void read_rope(Fields& fields, LlamaConfig& config) {
  fields.maybe("rope_theta", config.rope_theta);
  const Json* json = fields.find("rope_parameters");
  if (json == nullptr || json->is_null()) json = fields.find("rope_scaling");
  if (json == nullptr || json->is_null()) return;
  Fields rope(*json, "rope_parameters", ErrorKind::usage);
  std::string type = "default";
  rope.maybe("type", type);  // as it was called before
  rope.maybe("rope_type", type);
  rope.maybe("rope_theta", config.rope_theta);
  if (type == "linear") {
    rope.required("factor", config.rope_factor);
  } else if (type == "llama3") {
    Llama3Rope& scaling = config.llama3_rope.emplace();
    rope.required("factor", scaling.factor);
    rope.required("low_freq_factor", scaling.low_frequency_factor);
    rope.required("high_freq_factor", scaling.high_frequency_factor);
    rope.required("original_max_position_embeddings", scaling.original_positions);
    if (scaling.factor <= 0 || scaling.low_frequency_factor <= 0 ||
        scaling.high_frequency_factor <= scaling.low_frequency_factor || scaling.original_positions <= 0) {
      rope.fail("has factors that do not go together");
    }
  } else if (type != "default") {
    rope.fail("is of the type '" + type + "', and only default, linear and llama3 are known");
  }
  if (config.rope_factor <= 0) rope.fail("has a factor of 0");
  bool ignored = true;
  fields.nested(rope.finish(true), ignored);
}

void check_sizes(Fields& fields, const LlamaConfig& config) {
  for (const auto& [name, member] : sizes) {
    if (config.*member < 1 || config.*member > largest_size) {
      fields.fail(fmt::format("has a '{}' of {}", name, config.*member));
    }
  }
  if (config.heads < 1 || config.kv_heads < 1) return;
  if (config.heads % config.kv_heads != 0) {
    fields.fail(fmt::format("has {} heads, which are no multiple of its {} key and value heads", config.heads,
                            config.kv_heads));
  }
  // What the attention kernels take.
  if (config.head_size % 8 != 0) {
    fields.fail(fmt::format("has heads of {} values, where a multiple of 8 is expected", config.head_size));
  }
}

}  // namespace

Result<LlamaConfig> llama_config_from_json(const Json& json) {
  Fields fields(json, what, ErrorKind::usage);
  check_architecture(fields);
  check_quantisation(fields);
  LlamaConfig config;
  config.rope_theta = 10000;  // transformers' default, which Llama 2's files leave out
  config.most_positions = 2048;
  config.norm_eps = 1e-6;
  fields.required("hidden_size", config.hidden);
  fields.required("intermediate_size", config.intermediate);
  fields.required("num_hidden_layers", config.layers);
  fields.required("num_attention_heads", config.heads);
  fields.required("vocab_size", config.vocabulary);
  config.kv_heads = config.heads;
  fields.maybe("num_key_value_heads", config.kv_heads);
  config.head_size = config.heads > 0 ? config.hidden / config.heads : 0;
  fields.maybe("head_dim", config.head_size);
  fields.maybe("max_position_embeddings", config.most_positions);
  fields.maybe("rms_norm_eps", config.norm_eps);
  fields.maybe("tie_word_embeddings", config.tied_embeddings);
  fields.maybe("attention_bias", config.attention_bias);
  fields.maybe("mlp_bias", config.mlp_bias);
  read_rope(fields, config);
  check_sizes(fields, config);
  return fields.finish(config);
}

std::vector<double> rotary_frequencies(const LlamaConfig& config) {
  std::vector<double> frequencies;
  for (std::int64_t i = 0; i < config.head_size; i += 2) {
    const double exponent = static_cast<double>(i) / static_cast<double>(config.head_size);
    double frequency = std::pow(config.rope_theta, -exponent) / config.rope_factor;
    if (const auto& scaling = config.llama3_rope) {
      // Long waves are stretched, short ones kept, and those between the two bounds partly stretched.
      const double waves = scaling->original_positions * frequency / (2 * std::numbers::pi);
      const double kept = (waves - scaling->low_frequency_factor) /
                          (scaling->high_frequency_factor - scaling->low_frequency_factor);
      const double share = std::clamp(kept, 0.0, 1.0);
      frequency = (1 - share) * frequency / scaling->factor + share * frequency;
    }
    frequencies.push_back(frequency);
  }
  return frequencies;
}

std::string difference_of(const LlamaConfig& found, const LlamaConfig& expected) {
  for (const auto& [name, member] : sizes) {
    if (found.*member != expected.*member) {
      return fmt::format("{} is {} and not {}", name, found.*member, expected.*member);
    }
  }
  return found == expected ? "" : "its rotary embedding, norm, biases or head are others";
}

}  // namespace batchfit
