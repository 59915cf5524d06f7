#include "text/byte_pairs.h"

#include <fmt/core.h>

#include <functional>
#include <queue>

namespace batchfit::text {
namespace {

/// One token of the word so far, in a list from left to right; of two that merge the left one stays.
struct Symbol {
  TokenId id;
  std::int64_t before, after;  ///< places of the neighbours; -1: none
};

/// A merge of the symbol at `place` with the one after it.
struct Candidate {
  std::int64_t rank, place;

  bool operator>(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : place > other.place;
  }
};

constexpr std::int64_t none = -1;
constexpr TokenId merged_away = -1;

}  // namespace

std::size_t BytePairs::PairHash::operator()(const std::pair<TokenId, TokenId>& pair) const {
  // Ids are below 2^31, so the two halves do not meet.
  return std::hash<std::int64_t>()(pair.first << 32 ^ pair.second);
}

const BytePairs::Merge* BytePairs::find(TokenId left, TokenId right) const {
  const auto found = merges_.find({left, right});
  return found == merges_.end() ? nullptr : &found->second;
}

Result<void> BytePairs::add_merge(const std::string& left, const std::string& right) {
  const auto a = ids_.find(left), b = ids_.find(right), both = ids_.find(left + right);
  if (a == ids_.end() || b == ids_.end() || both == ids_.end()) {
    return failure(ErrorKind::corrupt,
                   fmt::format("merge {} names a token that the vocabulary lacks", next_rank_));
  }
  merges_[{a->second, b->second}] = {next_rank_++, both->second};
  return {};
}

void BytePairs::finish() {
  for (std::size_t byte = 0; byte < of_byte_.size(); ++byte) {
    const auto found = ids_.find(std::string(1, static_cast<char>(byte)));
    if (found != ids_.end()) of_byte_[byte] = found->second;
  }
}

Result<void> BytePairs::encode(std::string_view word, std::vector<TokenId>& out) const {
  if (ignore_merges_) {
    if (const auto whole = ids_.find(std::string(word)); whole != ids_.end()) {
      out.push_back(whole->second);
      return {};
    }
  }
  const auto size = static_cast<std::int64_t>(word.size());
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  for (std::int64_t i = 0; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(word[static_cast<std::size_t>(i)]);
    if (!of_byte_[byte])
      return failure(ErrorKind::runtime,
                     fmt::format("the vocabulary has no token for the byte {:#04x}", byte));
    symbols.push_back({*of_byte_[byte], i - 1, i + 1 < size ? i + 1 : none});
  }
  const auto at = [&](std::int64_t place) -> Symbol& { return symbols[static_cast<std::size_t>(place)]; };
  const auto merge_at = [&](std::int64_t place) {
    return place == none || at(place).id == merged_away || at(place).after == none
               ? nullptr
               : find(at(place).id, at(at(place).after).id);
  };
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto consider = [&](std::int64_t place) {
    if (const Merge* merge = merge_at(place)) candidates.push({merge->rank, place});
  };
  for (std::int64_t i = 0; i < size; ++i) consider(i);
  while (!candidates.empty()) {
    const Candidate next = candidates.top();
    candidates.pop();
    const Merge* merge = merge_at(next.place);
    if (merge == nullptr || merge->rank != next.rank) continue;  // one of the two was merged meanwhile
    Symbol& left = at(next.place);
    Symbol& right = at(left.after);
    left.id = merge->merged;
    left.after = right.after;
    right.id = merged_away;
    if (left.after != none) at(left.after).before = next.place;
    consider(left.before);
    consider(next.place);
  }
  for (const Symbol& symbol : symbols) {
    if (symbol.id != merged_away) out.push_back(symbol.id);
  }
  return {};
}

}  // namespace batchfit::text
