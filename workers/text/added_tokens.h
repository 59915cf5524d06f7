#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_pairs.h"

namespace batchfit::text {

/// A token that stands for a text of its own, which is looked for before any other splitting.
struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool special = false;     ///< left out where text is decoded for people
  bool normalized = false;  ///< looked for after those that are not
};

/// Text without added tokens, or one of them.
struct TextPart {
  std::string_view text;
  std::optional<TokenId> token;
};

class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(const std::vector<AddedToken>& tokens);

  /// Splits the text at its added tokens: from left to right, of those that begin at one place the longest.
  std::vector<TextPart> split(std::string_view text) const;

 private:
  /// Tokens that are looked for together, longest first, and the bytes that they begin with.
  struct Group {
    std::vector<AddedToken> tokens;
    std::string first_bytes;

    const AddedToken* at_start_of(std::string_view text) const;
    std::vector<TextPart> split(std::string_view text) const;
  };
  Group verbatim_, normalized_;
};

}  // namespace batchfit::text
