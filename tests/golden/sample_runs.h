#pragma once

#include "tune/tuned.h"

namespace batchfit::sample {

// Runs as a search leaves them, for the tests of reports: fixed figures, judged by the real judge.

/// resnet50 found with a narrow pass and vit_b_16 with an undecided neighbour, on one GPU in fp16.
TuneRun two_models();

/// What can go otherwise: limited by own memory after an out-of-memory, nothing fits, a failed load, an
/// answer from the cache with gaps above it, a worker that crashes; dtypes and formats differ, and a name is
/// hostile.
TuneRun mixed();

/// Eager timing on a CPU without a latency limit, up to the largest batch allowed.
TuneRun on_a_cpu();

/// One answer for inputs of three lengths, of which the longest decides; and one where a shorter input takes
/// longer, beside one that could not be measured.
TuneRun many_lengths();

/// A language model that reads prompts, and one that makes tokens and told when the first was there.
TuneRun language_models();

}  // namespace batchfit::sample
