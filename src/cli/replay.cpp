// Replays allocator recordings and the cache's journals: replay FILE.json[.gz] | FILE.jsonl[.gz]...
// Prints, per workload and batch, measured and replayed peaks, then how far forecasts from smaller batches
// were off. Exit code 0 where every replay equals its measurement, 1 where one differs, 2 for usage or an
// unreadable file.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "forecast/allocator_simulation.h"
#include "forecast/hindcast.h"
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

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

/// One line a distance: how forecasts of reserved memory from the batches 1, 2, 4, … met what was measured.
void print_forecasts(const RecordedWorkload& workload) {
  fmt::print("{:>10} {:>10} {:>14} {:>14} {:>10} {:>14}\n", "doublings", "forecasts", "median error",
             "worst error", "inside", "median width");
  const auto all = hindcasts(workload);
  for (const bool crosses : {false, true}) {
    for (int doublings = 1; doublings <= HindcastOptions{}.doublings; ++doublings) {
      std::vector<double> errors;
      std::vector<double> widths;
      int inside = 0;
      for (const Hindcast& hindcast : all) {
        if (hindcast.doublings() != doublings || hindcast.forecast.crosses_regime != crosses) continue;
        errors.push_back(std::abs(hindcast.error()));
        widths.push_back(hindcast.forecast.width());
        if (hindcast.inside()) ++inside;
      }
      if (errors.empty()) continue;
      fmt::print("{:>10} {:>10} {:>13.2f}% {:>13.2f}% {:>10} {:>13.2f}%{}\n", doublings, errors.size(),
                 100 * median(errors), 100 * std::ranges::max(errors), inside, 100 * median(widths),
                 crosses ? "  beyond 2^31 elements" : "");
    }
  }
  fmt::print("\n");
}

int replay(int count, char** paths) {
  if (count == 0) {
    fmt::print(stderr, "usage: replay FILE.json[.gz]|FILE.jsonl[.gz]...\n");
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
      print_forecasts(workload);
    }
  }
  return different == 0 ? 0 : 1;
}

}  // namespace
}  // namespace batchfit

int main(int argc, char** argv) { return batchfit::replay(argc - 1, argv + 1); }
