#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "facts/json.h"

namespace batchfit {

/// Llama 3.1's stretching of the rotary frequencies (config.json: rope_type "llama3").
struct Llama3Rope {
  double factor = 8, low_frequency_factor = 1, high_frequency_factor = 4;
  double original_positions = 8192;

  bool operator==(const Llama3Rope&) const = default;
};

/// Llama 2, 3 and 3.1 as transformers' config.json describes them.
struct LlamaConfig {
  std::int64_t hidden = 4096, intermediate = 14336, layers = 32;
  std::int64_t heads = 32, kv_heads = 8, head_size = 128;
  std::int64_t vocabulary = 128256;
  std::int64_t most_positions = 8192;  ///< tokens that a context may have
  double norm_eps = 1e-5;
  double rope_theta = 500000;
  double rope_factor = 1;  ///< positions are divided by it (rope_type "linear")
  std::optional<Llama3Rope> llama3_rope;
  bool tied_embeddings = false;
  bool attention_bias = false, mlp_bias = false;

  bool operator==(const LlamaConfig&) const = default;
};

/// Reads either layout: rope_theta, rope_scaling and torch_dtype, or rope_parameters and dtype. usage error
/// that names the field for another architecture, another way of quantisation or a rotary embedding that is
/// not known, and for sizes that do not go together.
Result<LlamaConfig> llama_config_from_json(const Json& json);

/// Rotary frequencies, one for each pair of a head's values: theta^(-2i / head size), stretched as the
/// configuration says. Source of the llama3 rule: the model card's reference code, as transformers has it
/// (modeling_rope_utils).
std::vector<double> rotary_frequencies(const LlamaConfig& config);

/// The first size in which two configurations differ, for people: "hidden_size is 256 and not 4096"; empty
/// where `found` is as `expected`.
std::string difference_of(const LlamaConfig& found, const LlamaConfig& expected);

}  // namespace batchfit
