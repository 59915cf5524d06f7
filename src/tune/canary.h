#pragma once

#include <vector>

#include "facts/evidence.h"
#include "worker/worker.h"

namespace batchfit {

/// Whether the worker ran out of memory in what these records are of: a batch alone, a comparison, or a
/// library that took another plan in silence.
bool ran_out_of_memory(const std::vector<Record>& records);

/// After an out-of-memory: measures batch 1 once more, and replaces the worker unless its own memory and its
/// latency are as they were first. What the canary measures is no evidence. Nothing is done where no worker
/// is left to be proven, or where batch 1 was never measured.
void prove_clean(Worker& worker, const Evidence& evidence);

}  // namespace batchfit
