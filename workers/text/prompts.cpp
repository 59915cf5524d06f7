#include "text/prompts.h"

#include <fmt/core.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "base/file.h"

namespace batchfit::text {
namespace {

const auto by_length = [](const Prompt& a, const Prompt& b) { return a.ids.size() < b.ids.size(); };

}  // namespace

Result<Prompts> Prompts::read(const std::filesystem::path& path, const Tokenizer& tokenizer) {
  const auto text = read_file(path);
  if (!text) return failure(text.error());
  std::vector<Prompt> prompts;
  std::int64_t number = 0;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    std::string_view line = std::string_view(*text).substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    auto ids = tokenizer.encode(line, /*with_template=*/true);
    if (!ids) {
      return failure(ids.error().kind,
                     fmt::format("{}: line {}: {}", path.string(), number, ids.error().message),
                     ids.error().remedy);
    }
    prompts.push_back({number, std::move(*ids)});
  }
  if (!prompts.empty()) return Prompts(std::move(prompts));
  return failure(ErrorKind::usage, path.string() + " holds no prompt", "write one on each line");
}

const Prompt& Prompts::longest() const {
  return *std::max_element(prompts_.begin(), prompts_.end(), by_length);
}

std::int64_t Prompts::tokens() const {
  std::int64_t tokens = 0;
  for (const Prompt& prompt : prompts_) tokens += static_cast<std::int64_t>(prompt.ids.size());
  return tokens;
}

TokenId Prompts::largest_id() const {
  TokenId largest = 0;
  for (const Prompt& prompt : prompts_) {
    largest = std::max(largest, *std::max_element(prompt.ids.begin(), prompt.ids.end()));
  }
  return largest;
}

std::int64_t Prompts::cut_to(std::int64_t length) {
  std::int64_t cut = 0;
  for (Prompt& prompt : prompts_) {
    if (static_cast<std::int64_t>(prompt.ids.size()) <= length) continue;
    prompt.ids.resize(static_cast<std::size_t>(length));
    ++cut;
  }
  return cut;
}

std::string Prompts::digest() const {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  for (const Prompt& prompt : prompts_) {
    const auto size = static_cast<std::uint64_t>(prompt.ids.size());
    XXH3_64bits_update(&state, &size, sizeof(size));
    XXH3_64bits_update(&state, prompt.ids.data(), prompt.ids.size() * sizeof(TokenId));
  }
  return fmt::format("{:016x}", XXH3_64bits_digest(&state));
}

}  // namespace batchfit::text
