#pragma once

#include <optional>

#include "forecast/forecast.h"

namespace batchfit {

/// Where the forecast meets a limit.
struct Crossing {
  Batch certain = 0;   ///< largest batch whose upper bound is within the limit; 0: not even batch 1
  Batch likely = 0;    ///< largest batch whose forecast is within it
  Batch possible = 0;  ///< largest batch whose lower bound is within it; beyond it nothing need be run
};

/// The largest batches, up to `max_batch`, within a limit on own memory; absent where there is no forecast.
/// Each stretch between regime changes is bisected, for memory grows with the batch within one but may fall
/// from one to the next.
std::optional<Crossing> crossing(const Evidence& evidence, Bytes limit, Batch max_batch,
                                 const ForecastOptions& options = {});

}  // namespace batchfit
