// Replays allocator recordings: replay FILE.json[.gz]...
// Prints, per workload and batch, measured and replayed peaks, then how far forecasts from smaller batches
// were off. Exit code 0 where every replay equals its measurement, 1 where one differs, 2 for usage or an
// unreadable file.

#include <fmt/format.h>

#include "forecast/allocator_simulation.h"
#include "forecast/recording.h"

namespace batchfit {
namespace {

/// How many replays differ from what was measured.
int print_replays(const RecordedWorkload& workload) {
  fmt::print("{:>6} {:>16} {:>16} {:>16} {:>16}\n", "batch", "reserved", "replayed", "allocated", "replayed");
  int different = 0;
  for (const RecordedTrace& recorded : workload.traces) {
    const AllocationTrace& trace = recorded.trace;
    const AllocatorOutcome outcome = simulate(trace, std::nullopt, recorded.segment_addresses);
    const bool same =
        outcome.reserved_peak == trace.reserved_peak && outcome.allocated_peak == trace.allocated_peak;
    if (!same) ++different;
    fmt::print("{:>6} {:>16} {:>16} {:>16} {:>16}{}\n", trace.batch, trace.reserved_peak,
               outcome.reserved_peak, trace.allocated_peak, outcome.allocated_peak, same ? "" : "  DIFFERS");
  }
  fmt::print("{} of {} replayed to the byte\n\n", workload.traces.size() - different, workload.traces.size());
  return different;
}

int replay(int count, char** paths) {
  if (count == 0) {
    fmt::print(stderr, "usage: replay FILE.json[.gz]...\n");
    return 2;
  }
  int different = 0;
  for (int i = 0; i < count; ++i) {
    const auto recording = read_recording(paths[i]);
    if (!recording) {
      fmt::print(stderr, "replay: {}\n", recording.error().text());
      return 2;
    }
    for (const RecordedWorkload& workload : recording->workloads) {
      fmt::print("{} on {}, torch {} ({})\n", workload.name, recording->device, recording->runtime, paths[i]);
      different += print_replays(workload);
    }
  }
  return different == 0 ? 0 : 1;
}

}  // namespace
}  // namespace batchfit

int main(int argc, char** argv) { return batchfit::replay(argc - 1, argv + 1); }
