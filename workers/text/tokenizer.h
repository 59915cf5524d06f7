#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "facts/json.h"
#include "text/added_tokens.h"
#include "text/byte_pairs.h"
#include "text/splitter.h"

namespace batchfit::text {

/// What a tokenizer.json says, read.
struct TokenizerParts {
  struct Token {
    std::string bytes;
    bool special = false;
  };

  AddedTokens added;
  std::vector<Splitter> splitters;           ///< one after the other
  bool add_prefix_space = false;             ///< before each piece that begins with none
  std::optional<Splitter> byte_level_split;  ///< of the pieces, with that space
  BytePairs pairs;
  std::vector<TokenId> before, after;  ///< the special tokens of the template around a text
  std::unordered_map<TokenId, Token> tokens;
};

/// A byte-level BPE tokenizer as Hugging Face's tokenizer.json describes it (Llama 3's, GPT-2's), giving the
/// ids that the library `tokenizers` gives; its settings for truncation and padding are passed over.
class Tokenizer {
 public:
  /// Reads a tokenizer.json. Error, beginning with the path: usage where it is of another type, which is
  /// named with what is taken; corrupt where it is damaged.
  static Result<Tokenizer> open(const std::filesystem::path& path);
  static Result<Tokenizer> from_json(const Json& json);

  /// The ids of a text in UTF-8, with the template's special tokens around it or without. Special tokens that
  /// the text itself writes out are those tokens. usage error where it is no UTF-8.
  Result<std::vector<TokenId>> encode(std::string_view text, bool with_template) const;

  /// The bytes that ids stand for, special tokens left out: UTF-8 where the ids are a whole text's. Ids that
  /// are no token's stand for nothing.
  std::string decode(const std::vector<TokenId>& ids) const;

 private:
  explicit Tokenizer(TokenizerParts parts) : parts_(std::move(parts)) {}
  Result<void> encode_plain(std::string_view text, std::vector<TokenId>& out) const;

  TokenizerParts parts_;
};

/// The reader of tokenizer.json.
Result<TokenizerParts> tokenizer_parts_from_json(const Json& json);

}  // namespace batchfit::text
