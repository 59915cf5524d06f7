#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "facts/trace.h"

namespace batchfit {

/// A trace from a recording, with what the allocator really did.
struct RecordedTrace {
  AllocationTrace trace;
  std::vector<std::int64_t> segment_addresses;  ///< where the driver put each new segment, in order
  std::vector<std::int64_t> block_addresses;    ///< of each allocation of the trace, in order
};

/// Peaks of a pass that was run without a trace.
struct RecordedPeaks {
  Batch batch = 1;
  Bytes reserved = 0;
  Bytes allocated = 0;
  std::optional<Bytes> context;  ///< beside the allocator; recordings do not hold it, journals do
};

struct RecordedWorkload {
  std::string name;
  std::string dtype;
  std::vector<RecordedTrace> traces;  ///< ascending batches
  std::vector<RecordedPeaks> peaks;   ///< every batch measured, traced or not; ascending
};

/// Allocator traces of several workloads on one device.
struct Recording {
  std::string device;
  std::string runtime;
  std::vector<RecordedWorkload> workloads;
};

/// Reads a recording (format 1; tests/data/allocator/README.md describes it) or a journal (docs/cache.md),
/// plain or gzip. Eager
/// traces without a measured run of their batch are left out. In a capture, allocations outside the capture's
/// own segments (the random generator's seed and offset, 8 B each, live in the default pool) are no requests
/// to its pool: they count as allocated before it. A journal does not tell where segments lay, so that its
/// replays may differ in a tie. runtime error where the file cannot be read, corrupt error where it is
/// neither.
Result<Recording> read_recording(const std::filesystem::path& path);

}  // namespace batchfit
