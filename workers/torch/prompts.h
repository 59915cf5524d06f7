#pragma once

#include <cstdint>
#include <string>

#include "facts/workload.h"
#include "models/llama.h"
#include "models/llama_pass.h"
#include "requests.h"

namespace batchfit {

/// The prompts of a file, made ready for a model.
struct ModelPrompts {
  std::string path;
  PromptIds ids;
  PromptSet set;
  std::int64_t shortest = 0, longest = 0;  ///< in tokens
  std::int64_t cut = 0;                    ///< prompts that were longer than the length asked for
};

/// Reads the request's prompts by the tokenizer.json of the model's folder ("" : it has none) and pads them
/// on the left to the named size `length`, where the request has it, cutting longer ones at their end; else
/// to the longest. So the length does not depend on the batch. usage refusal where there is no tokenizer, or
/// one of another type, where the file cannot be read or holds nothing, and for prompts or ids beyond the
/// model.
Answer<ModelPrompts> read_prompts(const LoadRequest& request, const std::string& folder,
                                  const LlamaConfig& config);

/// Says for people how many prompts there are and what share of their ids is padding; and, where there is
/// any, how far the model's logits with padding are from those without. Throws c10::Error.
std::string prompts_note(const ModelPrompts& prompts, const Llama& llama);

}  // namespace batchfit
