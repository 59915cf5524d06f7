#pragma once

#include <string>
#include <vector>

#include "tune/tuned.h"

namespace batchfit {

/// What stands below the table for one workload, a sentence each: why there is no answer and the remedy, or
/// the proof that the next batch does not pass; batches left undecided; what is unproven; the worker's notes;
/// what the measurements met (of every batch where verbose); whether the answer came from the cache. Text of
/// workers and files is passed on as it is: not yet safe for a terminal or a markup.
std::vector<std::string> certificate(const TunedWorkload& tuned, const Limits& limits, bool verbose = false);

}  // namespace batchfit
