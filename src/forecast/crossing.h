#pragma once

#include "forecast/forecast.h"

namespace batchfit {

/// Where the forecast meets a limit: the largest batch of a range that is …; 0 where none is.
struct Crossing {
  Batch certain = 0;   ///< within the limit by its upper bound
  Batch likely = 0;    ///< within it by its forecast
  Batch possible = 0;  ///< within it by its lower bound
};

/// In [from, to], at a limit on own memory; absent where nothing can be forecast. Memory is not monotone: the
/// range is looked at in steps of a few per cent, and on both sides of each regime change; a drop that ends
/// within one step is not seen.
std::optional<Crossing> crossing(const Forecaster& forecaster, Bytes limit, Batch from, Batch to);

}  // namespace batchfit
