#pragma once

#include <string>
#include <variant>

#include "base/units.h"

namespace batchfit {

/// A request to measure one batch alone: memory and latency samples.
struct Measure {
  Batch batch = 1;
  int samples = 0;        ///< latency samples to take; 0: as many as the tuner's sampling says
  bool rehearse = false;  ///< its memory is enough: a worker that can take that alone need not run the batch
  bool energy = false;    ///< run on for the joules of a pass, where the worker can tell them
  bool operator==(const Measure&) const = default;
};

/// A request for interleaved pairs of two batches.
struct Compare {
  Batch reference = 1;
  Batch candidate = 1;
  int pairs = 0;
  bool operator==(const Compare&) const = default;
};

using Probe = std::variant<Measure, Compare>;

/// The batch a probe is about (a comparison's candidate).
inline Batch batch_of(const Probe& probe) {
  if (const auto* measure = std::get_if<Measure>(&probe)) return measure->batch;
  return std::get<Compare>(probe).candidate;
}

/// Device memory as it is now. Not evidence: a fact about a workload holds whoever else is on the device.
struct Environment {
  Bytes total = 0;              ///< the device's memory, or what a CPU process may use
  std::optional<Bytes> others;  ///< held by others now; absent where the device cannot say
  bool operator==(const Environment&) const = default;
};

}  // namespace batchfit
