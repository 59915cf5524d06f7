#include "text/tokenizer.h"

#include <fmt/core.h>

#include "base/file.h"
#include "base/utf8.h"

namespace batchfit::text {

Result<Tokenizer> Tokenizer::open(const std::filesystem::path& path) {
  const auto text = read_file(path);
  if (!text) return failure(text.error());
  const auto json = parse_json(*text);
  if (!json) {
    return failure(ErrorKind::corrupt, path.string() + ": " + json.error().message,
                   "the download may be incomplete: fetch it again");
  }
  auto tokenizer = from_json(*json);
  if (tokenizer) return tokenizer;
  Error error = tokenizer.error();
  error.message = path.string() + ": " + error.message;
  return failure(std::move(error));
}

Result<Tokenizer> Tokenizer::from_json(const Json& json) {
  auto parts = tokenizer_parts_from_json(json);
  if (!parts) return failure(parts.error());
  return Tokenizer(std::move(*parts));
}

Result<void> Tokenizer::encode_plain(std::string_view text, std::vector<TokenId>& out) const {
  std::vector<std::string_view> pieces{text};
  for (const Splitter& splitter : parts_.splitters) {
    std::vector<std::string_view> finer;
    for (const std::string_view piece : pieces) {
      const auto split = splitter.split(piece);
      if (!split) return failure(split.error());
      finer.insert(finer.end(), split->begin(), split->end());
    }
    pieces = std::move(finer);
  }
  for (std::string_view piece : pieces) {
    std::string spaced;
    if (parts_.add_prefix_space && !piece.starts_with(' ')) {
      spaced = fmt::format(" {}", piece);
      piece = spaced;
    }
    std::vector<std::string_view> words{piece};
    if (parts_.byte_level_split) {
      auto split = parts_.byte_level_split->split(piece);
      if (!split) return failure(split.error());
      words = std::move(*split);
    }
    for (const std::string_view word : words) {
      if (auto encoded = parts_.pairs.encode(word, out); !encoded) return encoded;
    }
  }
  return {};
}

Result<std::vector<TokenId>> Tokenizer::encode(std::string_view text, bool with_template) const {
  if (const auto bad = first_bad_byte(text)) {
    return failure(ErrorKind::usage, fmt::format("byte {} of the text is not UTF-8", *bad + 1),
                   "save it as UTF-8");
  }
  std::vector<TokenId> ids;
  if (with_template) ids = parts_.before;
  for (const TextPart& part : parts_.added.split(text)) {
    if (part.token) {
      ids.push_back(*part.token);
    } else if (const auto encoded = encode_plain(part.text, ids); !encoded) {
      return failure(encoded.error());
    }
  }
  if (with_template) ids.insert(ids.end(), parts_.after.begin(), parts_.after.end());
  return ids;
}

std::string Tokenizer::decode(const std::vector<TokenId>& ids) const {
  std::string bytes;
  for (const TokenId id : ids) {
    const auto token = parts_.tokens.find(id);
    if (token != parts_.tokens.end() && !token->second.special) bytes += token->second.bytes;
  }
  return bytes;
}

}  // namespace batchfit::text
