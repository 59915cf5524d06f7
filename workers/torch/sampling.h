#pragma once

#include <vector>

#include "facts/observation.h"
#include "requests.h"

namespace batchfit {

/// One batch on a device, ready to be run again and again.
class Pass {
 public:
  virtual ~Pass() = default;
  virtual void run() = 0;       ///< untimed
  virtual Seconds timed() = 0;  ///< runs it and returns how long that took; > 0

  /// Of each timed run that makes tokens one after the other: until the first was there.
  const std::vector<Seconds>& first_tokens() const { return first_tokens_; }

 protected:
  std::vector<Seconds> first_tokens_;
};

/// Samples of a pass: one untimed run, then timed ones, so that each finds the caches as its own predecessor
/// left them. Takes min_samples at least and stops between the two bounds once the samples' sum reaches
/// plan.seconds.
std::vector<Seconds> take_samples(Pass& pass, const SamplingPlan& plan);

/// Whether the reference runs first, per pair; drawn from the seed, the same on every machine.
std::vector<bool> draw_order(std::int64_t pairs, std::int64_t seed);

/// One pair per entry of `reference_first`; each timed run follows an untimed one of the same pass.
std::vector<Comparison::Pair> take_pairs(Pass& reference, Pass& candidate,
                                         const std::vector<bool>& reference_first);

}  // namespace batchfit
