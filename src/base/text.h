#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace batchfit {

/// Number of single-character edits (insert, delete, replace, swap of neighbours) between two words.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidates nearest to `word`, best first, at most three, none further than a third of its length
/// (or 2).
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

/// "a, b and c".
std::string join_words(const std::vector<std::string>& words);

}  // namespace batchfit
