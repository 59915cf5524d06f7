#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"

namespace batchfit::text {

using TokenId = std::int64_t;

/// Byte-pair encoding (Sennrich et al., arXiv:1508.07909) of words of bytes: of all neighbours that may be
/// merged those of the lowest rank are, the leftmost first, until none may.
class BytePairs {
 public:
  /// Gives the bytes a token. The last of several tokens of one id or of one text counts.
  void add_token(const std::string& bytes, TokenId id) { ids_[bytes] = id; }

  /// The next merge in rank: both parts and what they make must be tokens. corrupt error where one is not.
  Result<void> add_merge(const std::string& left, const std::string& right);

  /// Words that are a token are that token, whatever the merges.
  void ignore_merges(bool ignore) { ignore_merges_ = ignore; }

  /// To be called when all tokens are there.
  void finish();

  /// Appends the word's tokens. runtime error where a byte has no token. Takes time n log n in the word's
  /// length.
  Result<void> encode(std::string_view word, std::vector<TokenId>& out) const;

 private:
  struct Merge {
    std::int64_t rank;
    TokenId merged;
  };
  struct PairHash {
    std::size_t operator()(const std::pair<TokenId, TokenId>& pair) const;
  };
  const Merge* find(TokenId left, TokenId right) const;

  std::unordered_map<std::string, TokenId> ids_;
  std::unordered_map<std::pair<TokenId, TokenId>, Merge, PairHash> merges_;
  std::int64_t next_rank_ = 0;
  std::array<std::optional<TokenId>, 256> of_byte_;
  bool ignore_merges_ = false;
};

}  // namespace batchfit::text
