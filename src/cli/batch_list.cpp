#include "cli/batch_list.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

namespace batchfit {
namespace {

constexpr std::size_t most_batches = 1000;       // each costs a probe
constexpr Batch largest_batch = Batch{1} << 31;  // a product of two of them stays within 63 bits

std::optional<Batch> parse_number(std::string_view text) {
  Batch value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value < 1 || value > largest_batch) return std::nullopt;
  return value;
}

/// FIRST, FIRST-LAST or FIRST-LAST*FACTOR.
struct Range {
  Batch first = 1;
  Batch last = 1;
  Batch factor = 1;  ///< 1: every batch

  Batch next(Batch batch) const { return factor == 1 ? batch + 1 : batch * factor; }
};

std::optional<Range> parse_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_number(text.substr(0, dash));
  if (!first) return std::nullopt;
  if (dash == std::string_view::npos) return Range{*first, *first, 1};
  const std::string_view rest = text.substr(dash + 1);
  const std::size_t star = rest.find('*');
  const auto last = parse_number(rest.substr(0, star));
  if (!last || *last < *first) return std::nullopt;
  if (star == std::string_view::npos) return Range{*first, *last, 1};
  const auto factor = parse_number(rest.substr(star + 1));
  if (!factor || *factor < 2) return std::nullopt;
  return Range{*first, *last, *factor};
}

}  // namespace

Result<std::vector<Batch>> parse_batches(std::string_view text) {
  std::vector<Batch> batches;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    const auto range = parse_range(rest.substr(0, comma));
    if (!range) {
      return failure(ErrorKind::usage, "--batches '" + std::string(text) + "' names no batches",
                     "write it as 1-256*2 (doubling), 1-8 or 1,8,64");
    }
    for (Batch batch = range->first; batch <= range->last; batch = range->next(batch)) {
      if (batches.size() == most_batches) {
        return failure(ErrorKind::usage,
                       "--batches '" + std::string(text) + "' names more than " +
                           std::to_string(most_batches) + " batches",
                       "double from one to the next: 1-1024*2");
      }
      batches.push_back(batch);
    }
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  std::ranges::sort(batches);
  batches.erase(std::unique(batches.begin(), batches.end()), batches.end());
  return batches;
}

}  // namespace batchfit
