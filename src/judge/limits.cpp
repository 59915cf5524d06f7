#include "judge/limits.h"

#include <charconv>
#include <cmath>
#include <cstdio>

namespace batchfit {
namespace {

/// "2x" with suffix "x" → 2.
std::optional<double> number_before(std::string_view text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return std::nullopt;
  text.remove_suffix(suffix.size());
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string shortest(double value, const char* unit) {
  char out[64];
  std::snprintf(out, sizeof out, "%g%s", value, unit);
  return out;
}

}  // namespace

std::optional<Bytes> Limits::own_memory(const Environment& environment) const {
  if (const auto* own = std::get_if<OwnMemory>(&memory)) return own->bytes;
  if (environment.total <= 0) return std::nullopt;
  const auto allowed =
      static_cast<Bytes>(std::get<MemoryShare>(memory).share * static_cast<double>(environment.total));
  return std::max<Bytes>(0, allowed - environment.others.value_or(0));
}

Result<std::variant<MemoryShare, OwnMemory>> parse_memory_limit(std::string_view text) {
  if (text.ends_with('%')) {
    const auto percent = number_before(text, "%");
    if (percent && *percent > 0 && *percent <= 100) return MemoryShare{*percent / 100};
    return failure(ErrorKind::usage,
                   "--memory-limit '" + std::string(text) + "' is not a share of the device",
                   "write more than 0% and at most 100%");
  }
  const auto bytes = parse_bytes(text);
  if (bytes && *bytes > 0) return OwnMemory{*bytes};
  return failure(ErrorKind::usage,
                 "--memory-limit '" + std::string(text) + "' is neither a share nor an amount",
                 "write it as 90% or 8GiB");
}

Result<std::variant<LatencyRatio, LatencyBound, NoLimit>> parse_latency_limit(std::string_view text) {
  if (text == "none") return NoLimit{};
  if (const auto ratio = number_before(text, "x")) {
    if (*ratio >= 1) return LatencyRatio{*ratio};
    return failure(ErrorKind::usage,
                   "--latency-limit '" + std::string(text) + "' is below the latency of batch 1",
                   "write 1x or more");
  }
  const auto seconds = parse_seconds(text);
  if (seconds && *seconds > 0) return LatencyBound{*seconds};
  return failure(ErrorKind::usage,
                 "--latency-limit '" + std::string(text) + "' is neither a ratio, a duration nor 'none'",
                 "write it as 2x, 50ms or none");
}

Result<double> parse_percentile(std::string_view text) {
  const std::string_view digits = text.starts_with('p') ? text.substr(1) : text;
  const auto percentile = number_before(digits, "");
  if (percentile && *percentile >= 50 && *percentile < 100) return *percentile;
  return failure(ErrorKind::usage, "--percentile '" + std::string(text) + "' is not from 50 to below 100",
                 "write it as 95 or 99");
}

std::string describe_memory(const Limits& limits) {
  if (const auto* own = std::get_if<OwnMemory>(&limits.memory)) return format_bytes(own->bytes);
  return shortest(std::get<MemoryShare>(limits.memory).share * 100, "%");
}

std::string describe_latency(const Limits& limits) {
  if (const auto* ratio = std::get_if<LatencyRatio>(&limits.latency)) return shortest(ratio->ratio, "x");
  if (const auto* bound = std::get_if<LatencyBound>(&limits.latency)) return format_seconds(bound->seconds);
  return "none";
}

}  // namespace batchfit
