#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/error.h"
#include "base/units.h"
#include "facts/probe.h"

namespace batchfit {

/// Device memory in use at the peak (own and others') may be this share of the device's total.
struct MemoryShare {
  double share = 0.9;
  bool operator==(const MemoryShare&) const = default;
};

/// Own memory may be this much, whoever else is on the device.
struct OwnMemory {
  Bytes bytes = 0;
  bool operator==(const OwnMemory&) const = default;
};

/// T(b) ≤ ratio · T(1).
struct LatencyRatio {
  double ratio = 2;
  bool operator==(const LatencyRatio&) const = default;
};

/// T(b) ≤ seconds.
struct LatencyBound {
  Seconds seconds = 0;
  bool operator==(const LatencyBound&) const = default;
};

struct NoLimit {
  bool operator==(const NoLimit&) const = default;
};

/// What a batch must stay inside.
struct Limits {
  std::variant<MemoryShare, OwnMemory> memory = MemoryShare{};
  std::variant<LatencyRatio, LatencyBound, NoLimit> latency = LatencyRatio{};
  /// Of the latency samples, 50 to below 100: the one that is held against the limit; 50 is the median.
  /// Against a ratio it is that of both batches.
  double percentile = 50;
  bool operator==(const Limits&) const = default;

  /// The most own memory a batch may take in this environment; absent where the share is of an unknown total.
  std::optional<Bytes> own_memory(const Environment& environment) const;
};

/// "90%" or "8GiB". usage error otherwise (0 % and more than 100 % included).
Result<std::variant<MemoryShare, OwnMemory>> parse_memory_limit(std::string_view text);

/// "2x", "50ms" or "none". usage error otherwise; a ratio below 1 can never hold.
Result<std::variant<LatencyRatio, LatencyBound, NoLimit>> parse_latency_limit(std::string_view text);

/// "95", "p95" or "99.9": from 50 to below 100. usage error otherwise.
Result<double> parse_percentile(std::string_view text);

/// As the user would write it: "90%", "8.00 GiB", "2x", "50.0 ms", "none".
std::string describe_memory(const Limits& limits);
std::string describe_latency(const Limits& limits);

}  // namespace batchfit
