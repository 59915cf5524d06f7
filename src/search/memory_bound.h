#pragma once

#include <optional>

#include "facts/evidence.h"
#include "facts/probe.h"
#include "forecast/crossing.h"
#include "forecast/forecast.h"
#include "judge/limits.h"

namespace batchfit {

/// What the memory limit leaves, by the forecast from all evidence so far: the largest batches that are
/// certain, likely and possible. Absent where no memory was measured, or where the limit is a share of an
/// unknown total. A batch beyond `possible` is never to be run.
std::optional<Crossing> memory_bound(const Evidence& evidence, const Limits& limits,
                                     const Environment& environment, Batch max_batch,
                                     const ForecastOptions& options = {});

/// The forecast that forbids to run the batch: even its lower bound is more than the limit allows. Absent
/// where the batch may be run: also where nothing is known of it, for the worker's cap then keeps the device
/// safe.
std::optional<Forecast> beyond_memory(const Evidence& evidence, Batch batch, const Limits& limits,
                                      const Environment& environment, const ForecastOptions& options = {});

}  // namespace batchfit
