#include "forecast/hindcast.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace batchfit {
namespace {

Bytes context_at(const RecordedPeaks& peaks, const HindcastOptions& options) {
  return peaks.context.value_or(options.context);
}

void add_run(Evidence& evidence, const RecordedWorkload& workload, Batch batch,
             const HindcastOptions& options) {
  const auto peaks = std::ranges::find(workload.peaks, batch, &RecordedPeaks::batch);
  Observation observation;
  observation.batch = batch;
  observation.memory.reserved_peak = peaks->reserved;
  observation.memory.allocated_peak = peaks->allocated;
  observation.memory.context = context_at(*peaks, options);
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

std::vector<Forecast> forecasts_before_runs(const Evidence& evidence, const ForecastOptions& options) {
  std::vector<Forecast> forecasts;
  Evidence so_far;
  for (const Record& record : evidence.records()) {
    const auto* seen = std::get_if<Observation>(&record);
    if (seen != nullptr && so_far.observation(seen->batch) == nullptr) {
      if (auto before = forecast(so_far, seen->batch, options)) forecasts.push_back(std::move(*before));
    }
    so_far.add(record);
  }
  return forecasts;
}

std::vector<Hindcast> hindcasts(const RecordedWorkload& workload, const HindcastOptions& options) {
  std::vector<Hindcast> all;
  Evidence evidence;
  bool alone = true;  // one batch says nothing of what grows
  for (const RecordedTrace& recorded : workload.traces) {
    const Batch from = recorded.trace.batch;
    const bool doubled =
        from % options.first == 0 && std::has_single_bit(static_cast<std::uint64_t>(from / options.first));
    if (!doubled) continue;
    add_run(evidence, workload, from, options);
    if (std::exchange(alone, false)) continue;
    for (const RecordedPeaks& peaks : workload.peaks) {
      if (peaks.batch <= from) continue;
      auto predicted = forecast(evidence, peaks.batch, {element_bytes(workload.dtype)});
      const Hindcast hindcast{from, peaks.reserved + context_at(peaks, options), std::move(*predicted)};
      if (hindcast.doublings() <= options.doublings) all.push_back(hindcast);
    }
  }
  return all;
}

}  // namespace batchfit
