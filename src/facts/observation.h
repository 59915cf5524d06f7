#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/units.h"

namespace batchfit {

/// How a probe ended.
enum class Outcome {
  measured,
  rehearsed,      ///< its memory was taken, but it was not run: there is no latency
  out_of_memory,  ///< a fact about the cap that was in force
  failed,         ///< see the reason
};

/// Peak memory of one solo probe, in the mode that was timed. What a worker cannot tell is absent.
struct MemoryUse {
  std::optional<Bytes> allocated_peak;  ///< the caching allocator's "allocated", at its peak
  std::optional<Bytes> reserved_peak;   ///< the caching allocator's "reserved", at its peak, graph pools too
  std::optional<Bytes> context;  ///< context, libraries and kernels: on the device, outside the allocator
  std::optional<Bytes> resident_peak;  ///< a CPU worker's peak resident memory (VmHWM)

  /// context + reserved on a device, peak resident memory on a CPU; absent where neither is known.
  std::optional<Bytes> own() const {
    if (resident_peak) return resident_peak;
    if (reserved_peak && context) return *reserved_peak + *context;
    return std::nullopt;
  }
  bool operator==(const MemoryUse&) const = default;
};

// Less than this is the driver's own and no other process.
inline constexpr Bytes someone_else = 64 * mebibyte;

/// The device's state around a block of samples.
struct Conditions {
  std::optional<double> sm_clock_mhz;
  std::optional<double> memory_clock_mhz;
  std::optional<double> temperature_c;
  std::optional<double> power_w;
  std::vector<std::string> throttle_reasons;  ///< only those that slow the device; empty: none was reported
  std::optional<Bytes> others_before;         ///< device memory held by others before the probe
  std::optional<Bytes> others_after;

  bool throttled() const { return !throttle_reasons.empty(); }

  /// Whether samples taken under them say little of the batch: clocks were lowered for a while, or another
  /// process took or gave back memory meanwhile. The power cap is no such event: a batch that draws full
  /// power runs at those clocks whenever it runs.
  bool disturbed() const;
  bool operator==(const Conditions&) const = default;
};

/// One batch, measured alone (no other batch resident). Raw: it knows no limits.
struct Observation {
  Batch batch = 1;
  Outcome outcome = Outcome::measured;
  std::string reason;                  ///< why it failed; else empty
  std::vector<Seconds> samples;        ///< every latency sample, in the order taken; none of a rehearsal
  std::vector<Seconds> eager_samples;  ///< under graph timing: of a few ordinary calls, launches included
  /// Of each sample that makes tokens one after the other: until the first was there.
  std::vector<Seconds> first_token_samples;
  MemoryUse memory;
  std::optional<Bytes> cap;                   ///< the most the allocator was allowed to reserve
  std::optional<std::int64_t> alloc_retries;  ///< the allocator's own counters, their change over the probe
  std::optional<std::int64_t> ooms;
  std::optional<double> energy_j;  ///< over `energy_passes` passes, run one after the other
  std::optional<std::int64_t> energy_passes;
  Conditions conditions;
  double started_at = 0;  ///< seconds since the epoch
  Seconds took = 0;       ///< wall seconds of the probe

  bool operator==(const Observation&) const = default;
};

/// Two batches timed in turn by one worker, so that drift meets both alike.
struct Comparison {
  struct Pair {
    Seconds reference = 0;
    Seconds candidate = 0;
    bool reference_first = true;
    bool operator==(const Pair&) const = default;
  };
  Batch reference = 1;
  Batch candidate = 1;
  std::vector<Pair> pairs;  ///< in the order taken
  Conditions conditions;
  double started_at = 0;
  Seconds took = 0;

  bool operator==(const Comparison&) const = default;
};

/// A worker that crashed, hung or broke the protocol; the probe it did so on is given.
struct Fault {
  Batch batch = 1;
  std::string kind;    ///< crash | timeout | protocol | worker
  std::string detail;  ///< one line for people
  double at = 0;       ///< seconds since the epoch

  bool operator==(const Fault&) const = default;
};

}  // namespace batchfit
