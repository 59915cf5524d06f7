#pragma once

#include "tune/tune.h"
#include "tune/tuned.h"

namespace batchfit {

/// Runs the batch for `span` seconds (of wall, or of what its records say they took), then judges it from
/// these records alone, with batch 1 and pairs as the judge asks for them. All of them go into the evidence.
/// Ends early where it is cancelled, or the worker is lost again and again.
Confirmation confirm(const TuneTask& task, Batch batch, Seconds span, Worker& worker, Cache& cache,
                     Evidence& evidence);

}  // namespace batchfit
