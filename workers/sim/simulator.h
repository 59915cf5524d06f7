#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "facts/observation.h"
#include "facts/probe.h"
#include "facts/trace.h"
#include "facts/workload.h"
#include "sim/device.h"

namespace batchfit::sim {

/// Batches beyond this are refused: sizes of a device file times a batch stay within 62 bits.
inline constexpr Batch largest_batch = Batch{1} << 20;

/// The part of a probe request that the simulation heeds.
struct ProbePlan {
  std::int64_t number =
      1;  ///< by the tuner's count, so that a replaced worker goes on where the last one stopped
  std::int64_t min_samples = 1;
  std::int64_t max_samples = 1;
  Seconds seconds = 0;
  std::int64_t eager_samples = 0;  ///< ordinary calls to time beside replays
  bool rehearse = false;           ///< memory alone, in no time
  Seconds energy_seconds = 0;      ///< run on at least this long for the joules of a pass; 0: do not
  std::optional<Bytes> cap;        ///< the most own memory that may be taken
};

/// What a pass takes of the device's allocator, as docs/simulated-device.md says.
struct AllocatorPeaks {
  Bytes allocated = 0;
  Bytes reserved = 0;
  std::int64_t retries = 0;  ///< of the caching allocator, at the cap
  bool fits = true;          ///< within the cap
};

/// `cap`: the most that may be reserved.
AllocatorPeaks allocator_peaks(const SimDevice& device, Timing timing, Batch batch,
                               std::optional<Bytes> cap = std::nullopt);

/// The allocation trace of a pass on a device with the caching allocator.
AllocationTrace trace_of(const SimDevice& device, Timing timing, Batch batch);

/// What measuring the device gives. The same file, seed, probe number and batch always give the same record;
/// no real time passes, and `took` is simulated too.
Observation measure(const SimDevice& device, Timing timing, Batch batch, const ProbePlan& plan);
Comparison compare(const SimDevice& device, Timing timing, const Compare& asked, std::int64_t seed,
                   std::int64_t number);

/// Memory that neighbours hold once probe `number` has run; 0: before the first.
Bytes others_after(const SimDevice& device, std::int64_t number);

}  // namespace batchfit::sim
