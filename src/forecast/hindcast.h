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

struct HindcastOptions {
  Bytes context =
      0;  ///< own memory beside the allocator, which recordings do not hold; counted on both sides
  bool with_traces = true;  ///< else from the measured peaks alone
  int doublings = 3;        ///< how far to look
};

/// As in a search that ran the batches 1, 2, 4, …: after each but the first, every measured batch beyond it.
std::vector<Hindcast> hindcasts(const RecordedWorkload& workload, const HindcastOptions& options = {});

}  // namespace batchfit
