#pragma once

#include <filesystem>

#include "facts/evidence.h"
#include "forecast/recording.h"

namespace batchfit::test {

/// A workload as a journal measured it (tests/data/journals). A recorded batch gives its own figures; between
/// two of them the requests lie on the line through both and go through the allocator's rules, so that the
/// curve of memory has the steps and drops of the real one.
class RecordedDevice {
 public:
  /// A library that needs the workspaces that batch 1 does without only at multiples of `workspaces_at`.
  explicit RecordedDevice(const std::filesystem::path& journal, Batch workspaces_at = 1);

  Batch largest() const { return workload_.traces.back().trace.batch; }

  /// Observation and trace; one latency sample. The batch is at most the largest recorded.
  std::vector<Record> measure(Batch batch) const;
  Bytes own(Batch batch) const;

  /// The largest batch whose own memory is within the limit, by looking at every one; 0 where none is.
  Batch largest_within(Bytes limit) const;

 private:
  AllocationTrace trace(Batch batch) const;
  AllocationTrace recorded_trace(Batch batch) const;
  void leave_out_workspaces(AllocationTrace& trace) const;
  Bytes context(Batch batch) const;

  RecordedWorkload workload_;
  Batch workspaces_at_;
};

}  // namespace batchfit::test
