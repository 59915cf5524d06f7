#include "base/units.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

namespace batchfit {
namespace {

std::string lower(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ') out.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return out;
}

/// Splits "1.5GiB" into the number and the lower-case rest; nullopt where no number starts the text.
std::optional<std::pair<double, std::string>> split_number(std::string_view text) {
  const std::string compact = lower(text);
  double value = 0;
  const auto [end, error] = std::from_chars(compact.data(), compact.data() + compact.size(), value);
  if (error != std::errc() || !std::isfinite(value) || value < 0) return std::nullopt;
  return std::pair{value, std::string(end, compact.data() + compact.size())};
}

template <std::size_t N>
std::optional<double> factor_of(const std::array<std::pair<std::string_view, double>, N>& units,
                                std::string_view unit) {
  for (const auto& [name, factor] : units) {
    if (name == unit) return factor;
  }
  return std::nullopt;
}

std::string three_digits(double value, const char* unit) {
  const int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), "%.*f %s", decimals, value, unit);
  return out.data();
}

}  // namespace

Result<Bytes> parse_bytes(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 12> units{{{"", 1.0},
                                                                              {"b", 1.0},
                                                                              {"kb", 1e3},
                                                                              {"mb", 1e6},
                                                                              {"gb", 1e9},
                                                                              {"tb", 1e12},
                                                                              {"kib", 0x1p10},
                                                                              {"mib", 0x1p20},
                                                                              {"gib", 0x1p30},
                                                                              {"tib", 0x1p40},
                                                                              {"m", 0x1p20},
                                                                              {"g", 0x1p30}}};
  const auto split = split_number(text);
  const auto factor = split ? factor_of(units, split->second) : std::nullopt;
  if (!factor || split->first * *factor > 0x1p62) {
    return failure(ErrorKind::usage, "'" + std::string(text) + "' is not an amount of memory",
                   "write it as 8GiB, 512MiB or a number of bytes");
  }
  return static_cast<Bytes>(std::llround(split->first * *factor));
}

Result<Seconds> parse_seconds(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 5> units{
      {{"s", 1.0}, {"ms", 1e-3}, {"us", 1e-6}, {"min", 60.0}, {"h", 3600.0}}};
  const auto split = split_number(text);
  const auto factor = split ? factor_of(units, split->second) : std::nullopt;
  if (!factor) {
    return failure(ErrorKind::usage, "'" + std::string(text) + "' is not a duration",
                   "write it as 50ms, 1.5s or 2min");
  }
  return split->first * *factor;
}

std::string format_bytes(Bytes bytes) {
  if (bytes < kibibyte) return std::to_string(bytes) + " B";
  const auto value = static_cast<double>(bytes);
  if (bytes < mebibyte) return three_digits(value / 0x1p10, "KiB");
  if (bytes < gibibyte) return three_digits(value / 0x1p20, "MiB");
  return three_digits(value / 0x1p30, "GiB");
}

std::string format_seconds(Seconds seconds) {
  if (seconds < 1e-3) return three_digits(seconds * 1e6, "us");
  if (seconds < 1.0) return three_digits(seconds * 1e3, "ms");
  return three_digits(seconds, "s");
}

}  // namespace batchfit
