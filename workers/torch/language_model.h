#pragma once

#include <string>
#include <utility>
#include <vector>

#include "loaded_model.h"

namespace batchfit {

/// Whether a model's name is that of a language model: one of `language_models`, or a folder as Hugging Face
/// lays it out.
bool is_language_model(const std::string& model);

/// Those that have a name, and run without a file.
std::vector<ModelInfo> language_models();

/// What can be checked without a device: the configuration, the mode and its named sizes (docs/llama.md), but
/// for prompts, which decide on the length where the request does not.
/// "forward" is the first mode, prefill.
Answer<ModelInfo> check_language_model(const LoadRequest& request);

/// Reads the prompts, if any; then reads the folder, or makes random weights, on the device.
Answer<LoadedModel> load_language_model(LoadRequest request, const ModelInfo& info, at::Device device);

/// What a folder's model makes of int64 ids [batch, tokens]: the last "logits" [batch, vocabulary] and the
/// `count` likeliest tokens after them, "greedy" [batch, count], both in float32. Throws c10::Error.
Result<std::vector<std::pair<std::string, at::Tensor>>> run_language_model(const std::string& folder,
                                                                           at::Device device,
                                                                           at::ScalarType dtype,
                                                                           const at::Tensor& ids,
                                                                           std::int64_t count);

}  // namespace batchfit
