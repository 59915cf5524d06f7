#pragma once

#include "base/units.h"

namespace batchfit {

/// What the judge may spend; the defaults' reasons stand with each.
struct JudgeRules {
  /// Chance of a wrong verdict over a whole search, of each kind (false pass, false fail).
  double alpha = 0.05;
  /// Pairs after which the rate seen so far may say that the cap will not settle the test. Fewer say little
  /// of the rate.
  int least_to_give_up = 32;
  /// … which it does where even a rate this many standard deviations above it would not: about one test in
  /// ten that the cap would have settled is given up, and the others cost a quarter of the cap.
  double hopeful_deviations = 1.28;
  /// Pairs after which a comparison is given up as undecided: at 0.3 % noise they settle margins down
  /// to 0.1 %.
  int most_pairs = 256;
  /// … and the same where a percentile other than the median is judged. At the level of a tenth test the 99th
  /// needs some 1,200 that all lie on one side.
  int most_percentile_trials = 2'000;
  /// Timed seconds of pairs after which no more are asked for: a CPU pass of a second must not take minutes
  /// to compare. On a GPU most_pairs comes first.
  Seconds most_pair_seconds = 4;
  /// … and the same for percentiles, which are asked for by those who will wait.
  Seconds most_percentile_seconds = 30;
  /// … but never fewer pairs than this, which settle a first test when all agree.
  int least_pairs = 8;
  /// A batch this far from the limit is settled by solo samples alone: no drift between two probes of
  /// one search was seen to reach it (graph replays repeat to 0.5 %; an eager call or a CPU pass wanders
  /// far more).
  double far_graph = 0.05;
  double far_eager = 0.25;
  /// … and at least this many times the drift of batch 1 that was seen (judge/drift.h): between its two
  /// measurements it may have gone further.
  double far_drifts = 2;
  /// … and at least this many robust standard deviations of the samples.
  double far_deviations = 5;
  /// Solo samples that a verdict without comparisons needs, at least.
  int few_samples = 5;
  /// Measurements of a batch under disturbed conditions after which no better ones are waited for: a spell of
  /// throttling may be over by then, a hot device is not.
  int most_disturbed = 3;
  /// Faults in a row after which a batch is given up.
  int most_tries = 3;
};

}  // namespace batchfit
