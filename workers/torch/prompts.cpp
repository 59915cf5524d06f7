#include "prompts.h"

#include <ATen/ops/tensor.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "text/prompts.h"
#include "text/tokenizer.h"

namespace batchfit {
namespace {

constexpr const char* tokenizer_name = "tokenizer.json";

tl::unexpected<Refusal> refuse_use(const Error& error) {
  return refuse(RefusalKind::usage, error.message, error.remedy);
}

Answer<text::Tokenizer> open_tokenizer(const LoadRequest& request, const std::string& folder) {
  if (folder.empty()) {
    return refuse(RefusalKind::usage, request.model + " has random weights and no tokenizer",
                  fmt::format("give the folder of a checkpoint that has a {}, as the model or as --weights",
                              tokenizer_name));
  }
  const std::filesystem::path path = std::filesystem::path(folder) / tokenizer_name;
  if (std::error_code error; !std::filesystem::is_regular_file(path, error)) {
    return refuse(RefusalKind::usage, fmt::format("{} has no {}", folder, tokenizer_name),
                  "fetch it from where the weights are from");
  }
  auto tokenizer = text::Tokenizer::open(path);
  if (!tokenizer) return refuse_use(tokenizer.error());
  return std::move(*tokenizer);
}

/// The shortest prompt of two tokens or more that has padding; null where there is none.
const std::vector<std::int64_t>* shortest_padded(const PromptIds& ids) {
  const std::vector<std::int64_t>* found = nullptr;
  for (const auto& prompt : ids.prompts) {
    const bool fits = prompt.size() >= 2 && static_cast<std::int64_t>(prompt.size()) < ids.length;
    if (fits && (found == nullptr || prompt.size() < found->size())) found = &prompt;
  }
  return found;
}

}  // namespace

Answer<ModelPrompts> read_prompts(const LoadRequest& request, const std::string& folder,
                                  const LlamaConfig& config) {
  const auto tokenizer = open_tokenizer(request, folder);
  if (!tokenizer) return tl::unexpected(tokenizer.error());
  auto prompts = text::Prompts::read(request.prompts, *tokenizer);
  if (!prompts) return refuse_use(prompts.error());
  ModelPrompts out;
  out.path = request.prompts;
  const auto asked = request.shape.find("length");
  if (asked != request.shape.end()) out.cut = prompts->cut_to(asked->second);
  const text::Prompt& longest = prompts->longest();
  out.longest = static_cast<std::int64_t>(longest.ids.size());
  if (out.longest > config.most_positions) {
    return refuse(RefusalKind::usage,
                  fmt::format("{}: line {} is a prompt of {} tokens, and {} takes up to {}", request.prompts,
                              longest.line, out.longest, request.model, config.most_positions),
                  "shorten it, or cut all prompts to so many tokens with --prompt");
  }
  if (prompts->largest_id() >= config.vocabulary) {
    return refuse(RefusalKind::usage,
                  fmt::format("{}/{} makes the id {} of the prompts, and the model knows ids below {}",
                              folder, tokenizer_name, prompts->largest_id(), config.vocabulary),
                  "give the tokenizer that belongs to the model");
  }
  out.ids.length = asked == request.shape.end() ? out.longest : asked->second;
  out.shortest = out.longest;
  for (const text::Prompt& prompt : prompts->all()) {
    out.shortest = std::min(out.shortest, static_cast<std::int64_t>(prompt.ids.size()));
    out.ids.prompts.push_back(prompt.ids);
  }
  const std::int64_t tokens = prompts->tokens();
  out.set = {prompts->digest(), prompts->count(), tokens, prompts->count() * out.ids.length - tokens};
  return out;
}

std::string prompts_note(const ModelPrompts& prompts, const Llama& llama) {
  std::string note = fmt::format("prompts: {} of {}, ", prompts.set.count, prompts.path);
  note += prompts.shortest == prompts.longest
              ? fmt::format("{} tokens each", prompts.longest)
              : fmt::format("{} to {} tokens", prompts.shortest, prompts.longest);
  if (prompts.cut > 0) note += fmt::format(", {} of them cut", prompts.cut);
  if (!prompts.ids.padded()) return note + "; no padding";
  note += fmt::format("; padded on the left to {}: {:.3g} % of all ids are padding", prompts.ids.length,
                      100 * prompts.set.padding_share());
  const std::vector<std::int64_t>* shortest = shortest_padded(prompts.ids);
  if (shortest == nullptr) return note;
  const at::Tensor ids = at::tensor(*shortest, at::kLong).unsqueeze(0).to(llama.device());
  return note + fmt::format(", which moves the logits after the shortest by {:.2g} of their spread at most",
                            padding_error(llama, ids, prompts.ids.length - ids.size(1)));
}

}  // namespace batchfit
