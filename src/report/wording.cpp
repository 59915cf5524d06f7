#include "report/wording.h"

#include <fmt/core.h>

#include <cmath>

namespace batchfit {
namespace {

/// Two digits more than people usually see resolve a hundredth of that: finer than any margin the judge can
/// settle.
std::pair<std::string, std::string> two_digits_more(double a, double b, const char* unit) {
  const int decimals = b >= 99.95 ? 2 : b >= 9.995 ? 3 : 4;
  return {fmt::format("{:.{}f} {}", a, decimals, unit), fmt::format("{:.{}f} {}", b, decimals, unit)};
}

}  // namespace

std::string share_text(double share) {
  const double percent = share * 100;
  if (percent > 99 && percent < 100) return fmt::format("{:.1f} %", std::floor(percent * 10) / 10);
  if (percent > 100 && percent < 101) return fmt::format("{:.1f} %", std::ceil(percent * 10) / 10);
  return fmt::format("{:.{}f} %", percent, percent < 0.95 && percent > 0 ? 1 : 0);
}

std::string difference_text(double share) {
  const double percent = share * 100;
  const int decimals = percent < 0.995 ? 2 : percent < 9.95 ? 1 : 0;
  return fmt::format("{:.{}f} %", percent, decimals);
}

std::string count_text(std::int64_t count) {
  std::string digits = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::string throughput_text(double per_second) {
  if (per_second >= 99.95) return count_text(std::llround(per_second));
  return fmt::format("{:.{}f}", per_second, per_second >= 9.995 ? 1 : 2);
}

std::string usd_text(double usd) {
  if (usd >= 999.5) return "$" + count_text(std::llround(usd));
  return fmt::format("${:.{}f}", usd, usd >= 0.995 ? 2 : usd >= 0.0995 ? 3 : 4);
}

std::string joules_text(double joules) { return fmt::format("{:.3g} J", joules); }

std::string kwh_text(double kwh) { return fmt::format("{:.3g} kWh", kwh); }

std::string long_time_text(Seconds seconds) {
  constexpr Seconds minute = 60;
  constexpr Seconds hour = 60 * minute;
  constexpr Seconds day = 24 * hour;
  const auto scaled = [](double value, const char* unit) {
    return value < 99.95 ? fmt::format("{:#.3g} {}", value, unit)
                         : count_text(std::llround(value)) + " " + unit;
  };
  if (seconds < minute) return format_seconds(seconds);
  if (seconds < hour) return scaled(seconds / minute, "min");
  return seconds < day ? scaled(seconds / hour, "h") : scaled(seconds / day, "d");
}

std::string ratio_text(double ratio) { return fmt::format("{:.{}f}x", ratio, ratio < 9.95 ? 2 : 1); }

std::pair<std::string, std::string> told_apart(Seconds a, Seconds b) {
  std::pair usual{format_seconds(a), format_seconds(b)};
  if (usual.first != usual.second || a == b) return usual;
  if (b < 1e-3) return two_digits_more(a * 1e6, b * 1e6, "us");
  return b < 1 ? two_digits_more(a * 1e3, b * 1e3, "ms") : two_digits_more(a, b, "s");
}

std::pair<std::string, std::string> told_apart(Bytes a, Bytes b) {
  std::pair usual{format_bytes(a), format_bytes(b)};
  if (usual.first != usual.second || a == b) return usual;
  const Bytes unit = b < gibibyte ? mebibyte : gibibyte;
  const auto scaled = [&](Bytes bytes) { return static_cast<double>(bytes) / static_cast<double>(unit); };
  return two_digits_more(scaled(a), scaled(b), b < gibibyte ? "MiB" : "GiB");
}

std::string device_text(const Device& device) {
  std::string text = device.kind == "sim" ? "SIMULATED " : "";
  text += device.name;
  if (device.mig) text += " " + *device.mig;
  return device.total_memory > 0 ? text + " (" + format_bytes(device.total_memory) + ")" : text;
}

std::string_view name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::runtime:
      break;
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::unavailable:
      return "unavailable";
    case ErrorKind::protocol:
      return "protocol";
    case ErrorKind::corrupt:
      return "corrupt";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::interrupted:
      return "interrupted";
  }
  return "runtime";
}

std::string objective_text(const Objective& objective) {
  if (objective.goal == Goal::largest) return "";
  std::string text = "; objective: " + std::string(name_of(objective.goal));
  if (objective.goal != Goal::balanced) return text;
  const auto& [throughput, latency, memory, energy] = objective.balance;
  return text + fmt::format(" (throughput {:g}, latency {:g}, memory {:g}, energy {:g})", throughput, latency,
                            memory, energy);
}

std::string limits_text(const Limits& limits) {
  std::string text = limits.percentile == 50 ? "latency" : fmt::format("latency p{:g}", limits.percentile);
  if (const auto* ratio = std::get_if<LatencyRatio>(&limits.latency)) {
    text += fmt::format(" {:g}x batch 1", ratio->ratio);
  } else if (const auto* bound = std::get_if<LatencyBound>(&limits.latency)) {
    text += " " + format_seconds(bound->seconds);
  } else {
    text = "no latency limit";
  }
  if (const auto* own = std::get_if<OwnMemory>(&limits.memory))
    return text + ", own memory " + format_bytes(own->bytes);
  return text +
         fmt::format(", {:g} % of the device's memory", std::get<MemoryShare>(limits.memory).share * 100);
}

}  // namespace batchfit
