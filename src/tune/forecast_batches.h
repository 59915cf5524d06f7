#pragma once

#include <functional>
#include <span>

#include "facts/cache.h"
#include "tune/forecast_run.h"
#include "tune/tune.h"
#include "worker/worker.h"

namespace batchfit {

/// What forecast_batches() works on and with.
struct ForecastTask {
  const Subject& subject;
  const Limits& limits;
  std::span<const Batch> batches;   ///< ascending
  std::function<bool()> cancelled;  ///< looked at after each batch
  TuneEvents events;
};

/// Says of each batch what it will take before it is run, from the batches before it in the list alone, then
/// runs it. A batch that the cache knows counts as run with what is known; one whose forecast lies beyond the
/// memory limit is not run.
std::vector<ForecastedBatch> forecast_batches(const ForecastTask& task, Worker& worker, Cache& cache);

}  // namespace batchfit
