#pragma once

#include <optional>
#include <string>
#include <utility>

#include "facts/workload.h"
#include "judge/limits.h"
#include "search/objective.h"

namespace batchfit {

// How reports write numbers for people. What is not known is unknown_text, never 0.

inline constexpr const char* unknown_text = "–";

/// "94 %", "2 %", "0.4 %". Between 99 and 101 % with one decimal, rounded away from 100: what is inside a
/// limit never looks as if it were on it.
std::string share_text(double share);

/// A small difference: "3.4 %", "0.15 %", "12 %".
std::string difference_text(double share);

/// "1,234,567".
std::string count_text(std::int64_t count);

/// Items a second: "5,314", "53.1", "0.42".
std::string throughput_text(double per_second);

/// "$0.284", "$12.40", "$1,240".
std::string usd_text(double usd);

/// "0.021 J", "1.42 J".
std::string joules_text(double joules);

/// "0.21 kWh".
std::string kwh_text(double kwh);

/// Three digits, with the largest unit that leaves one before the point: "3.02 min", "16.7 h", "4.10 d".
std::string long_time_text(Seconds seconds);

/// "5.3x".
std::string ratio_text(double ratio);

/// Two values with more digits than usual where they would look alike: {"3.0220 ms", "3.0200 ms"}.
std::pair<std::string, std::string> told_apart(Seconds a, Seconds b);
std::pair<std::string, std::string> told_apart(Bytes a, Bytes b);

/// "NVIDIA H200 (139 GiB)"; a simulated device says so.
std::string device_text(const Device& device);

/// "; objective: throughput"; empty for the largest batch.
std::string objective_text(const Objective& objective);

/// "runtime", "usage", …: as the exports name kinds of errors.
std::string_view name_of(ErrorKind kind);

/// "latency 2x batch 1, 90 % of the device's memory".
std::string limits_text(const Limits& limits);

/// The form, or unknown_text where there is no value.
template <class T, class Form>
std::string or_unknown(const std::optional<T>& value, Form form) {
  return value ? form(*value) : std::string(unknown_text);
}

}  // namespace batchfit
