#pragma once

#include <optional>
#include <vector>

#include "forecast/forecast.h"
#include "forecast/recording.h"

namespace batchfit {

/// What would have been forecast of a measured batch while only smaller ones were known.
struct Hindcast {
  Batch from = 1;      ///< the largest batch known then
  Bytes measured = 0;  ///< own memory at the forecast's batch
  Forecast forecast;

  double error() const { return static_cast<double>(forecast.own) / static_cast<double>(measured) - 1; }
  bool inside() const { return forecast.low <= measured && measured <= forecast.high; }
  int doublings() const;  ///< from `from` to the batch, rounded up
};

/// Of each batch with an observation, in the order of their first: the forecast from the records before it.
/// None of a batch that nothing was known before.
std::vector<Forecast> forecasts_before_runs(const Evidence& evidence, const ForecastOptions& options);

struct HindcastOptions {
  Bytes context =
      0;  ///< own memory beside the allocator where the recording does not hold it; counted on both sides
  Batch first = 1;          ///< the search is thought to have run this batch, twice it, four times it, …
  bool with_traces = true;  ///< else from the measured peaks alone
  int doublings = 3;        ///< how far to look
};

/// As in a search that doubled the batch: after each run but the first, every measured batch beyond it.
std::vector<Hindcast> hindcasts(const RecordedWorkload& workload, const HindcastOptions& options = {});

}  // namespace batchfit
