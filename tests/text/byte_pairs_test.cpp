#include "text/byte_pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace batchfit::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Merges = std::vector<std::pair<std::string, std::string>>;

/// Merges over the letters a to d, each of tokens that are there by then.
struct Rules {
  std::vector<std::string> tokens{"a", "b", "c", "d"};  ///< an id each, its place
  Merges merges;
};

Rules rules_from(const std::vector<std::pair<std::size_t, std::size_t>>& choices) {
  Rules rules;
  for (const auto& [i, j] : choices) {
    const std::string left = rules.tokens[i % rules.tokens.size()],
                      right = rules.tokens[j % rules.tokens.size()];
    const std::string both = left + right;
    if (std::find(rules.tokens.begin(), rules.tokens.end(), both) == rules.tokens.end())
      rules.tokens.push_back(both);
    const std::pair merge(left, right);
    if (std::find(rules.merges.begin(), rules.merges.end(), merge) == rules.merges.end())
      rules.merges.push_back(merge);
  }
  return rules;
}

BytePairs pairs_of(const Rules& rules) {
  BytePairs pairs;
  for (std::size_t id = 0; id < rules.tokens.size(); ++id)
    pairs.add_token(rules.tokens[id], static_cast<TokenId>(id));
  for (const auto& [left, right] : rules.merges) EXPECT_TRUE(pairs.add_merge(left, right));
  pairs.finish();
  return pairs;
}

std::vector<TokenId> encoded(const BytePairs& pairs, const std::string& word) {
  std::vector<TokenId> ids;
  EXPECT_TRUE(pairs.encode(word, ids));
  return ids;
}

/// Straight from the definition: the leftmost pair of the lowest rank, again and again.
std::vector<TokenId> slowly(const Rules& rules, const std::string& word) {
  std::vector<std::string> symbols;
  for (const char byte : word) symbols.emplace_back(1, byte);
  for (bool merged = true; merged;) {
    merged = false;
    for (const auto& [left, right] : rules.merges) {
      for (std::size_t i = 0; i + 1 < symbols.size() && !merged; ++i) {
        if (symbols[i] != left || symbols[i + 1] != right) continue;
        symbols[i] += right;
        symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        merged = true;
      }
      if (merged) break;
    }
  }
  std::vector<TokenId> ids;
  for (const std::string& symbol : symbols) {
    const auto found = std::find(rules.tokens.begin(), rules.tokens.end(), symbol);
    ids.push_back(found - rules.tokens.begin());
  }
  return ids;
}

RC_GTEST_PROP(BytePairs, merging_equals_a_search_for_the_lowest_rank_at_every_step,
              (const std::vector<std::pair<std::size_t, std::size_t>>& choices)) {
  const Rules rules = rules_from(choices);
  const BytePairs pairs = pairs_of(rules);
  const auto word = *rc::gen::container<std::string>(rc::gen::element('a', 'b', 'c', 'd'));
  RC_ASSERT(encoded(pairs, word) == slowly(rules, word));
}

TEST(BytePairs, of_two_ways_the_lower_rank_is_taken_though_it_begins_later) {
  const Rules rules{{"a", "b", "c", "bc", "ab"}, {{"b", "c"}, {"a", "b"}}};
  EXPECT_THAT(encoded(pairs_of(rules), "abc"), ElementsAre(0, 3));
}

TEST(BytePairs, a_word_that_is_a_token_is_that_token_where_merges_are_ignored) {
  Rules rules{{"a", "b", "c", "ab", "abc"}, {{"a", "b"}}};
  BytePairs pairs = pairs_of(rules);
  EXPECT_THAT(encoded(pairs, "abc"), ElementsAre(3, 2));
  pairs.ignore_merges(true);
  EXPECT_THAT(encoded(pairs, "abc"), ElementsAre(4));
  EXPECT_THAT(encoded(pairs, "abca"), ElementsAre(3, 2, 0));
}

TEST(BytePairs, a_byte_without_a_token_and_a_merge_of_unknown_tokens_are_errors) {
  BytePairs pairs = pairs_of({{"a", "b"}, {}});
  std::vector<TokenId> ids;
  const auto encoded = pairs.encode("a\x01", ids);
  ASSERT_FALSE(encoded);
  EXPECT_THAT(encoded.error().message, HasSubstr("no token for the byte 0x01"));
  EXPECT_FALSE(pairs.add_merge("a", "b"));
}

/// A search of the whole word at every merge would take half a million times half a million steps.
TEST(BytePairs, a_word_of_a_megabyte_is_merged_to_its_end) {
  Rules rules{{"a"}, {}};
  for (std::string token = "a"; token.size() < 1U << 20U; token += token) {
    rules.tokens.push_back(token + token);
    rules.merges.emplace_back(token, token);
  }
  const auto ids = encoded(pairs_of(rules), std::string((1U << 20U) + 1, 'a'));
  EXPECT_THAT(ids, ElementsAre(20, 0));
}

}  // namespace
}  // namespace batchfit::text
