#include "forecast/hindcast.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace batchfit {
namespace {

/// A workload's name ends with its dtype, "resnet50_fp16".
ForecastOptions options_of(const RecordedWorkload& workload) {
  const auto mark = workload.name.rfind('_');
  return {element_bytes(mark == std::string::npos ? "" : workload.name.substr(mark + 1))};
}

void add_run(Evidence& evidence, const RecordedWorkload& workload, Batch batch,
             const HindcastOptions& options) {
  const auto peaks = std::ranges::find(workload.peaks, batch, &RecordedPeaks::batch);
  Observation observation;
  observation.batch = batch;
  observation.memory.reserved_peak = peaks->reserved;
  observation.memory.allocated_peak = peaks->allocated;
  observation.memory.context = options.context;
  evidence.add(observation);
  for (const RecordedTrace& recorded : workload.traces) {
    if (options.with_traces && recorded.trace.batch == batch) evidence.add(recorded.trace);
  }
}

}  // namespace

int Hindcast::doublings() const {
  return static_cast<int>(
      std::ceil(std::log2(static_cast<double>(forecast.batch) / static_cast<double>(from))));
}

std::vector<Hindcast> hindcasts(const RecordedWorkload& workload, const HindcastOptions& options) {
  std::vector<Hindcast> all;
  Evidence evidence;
  for (const RecordedTrace& recorded : workload.traces) {
    const Batch from = recorded.trace.batch;
    if (!std::has_single_bit(static_cast<std::uint64_t>(from))) continue;
    add_run(evidence, workload, from, options);
    if (from == 1) continue;  // one batch says nothing of what grows
    for (const RecordedPeaks& peaks : workload.peaks) {
      if (peaks.batch <= from) continue;
      auto predicted = forecast(evidence, peaks.batch, options_of(workload));
      const Hindcast hindcast{from, peaks.reserved + options.context, std::move(*predicted)};
      if (hindcast.doublings() <= options.doublings) all.push_back(hindcast);
    }
  }
  return all;
}

}  // namespace batchfit
