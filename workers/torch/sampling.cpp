#include "sampling.h"

#include <random>

namespace batchfit {

std::vector<Seconds> take_samples(Pass& pass, const SamplingPlan& plan) {
  std::vector<Seconds> samples;
  Seconds spent = 0;
  pass.run();
  const auto count = [&samples] { return static_cast<std::int64_t>(samples.size()); };
  while (count() < plan.min_samples || (count() < plan.max_samples && spent < plan.seconds)) {
    samples.push_back(pass.timed());
    spent += samples.back();
  }
  return samples;
}

std::vector<bool> draw_order(std::int64_t pairs, std::int64_t seed) {
  // The top bit of the generator itself: the standard's distributions differ between libraries.
  std::mt19937_64 generator(static_cast<std::uint64_t>(seed));
  std::vector<bool> order;
  for (std::int64_t i = 0; i < pairs; ++i) order.push_back((generator() >> 63) == 1);
  return order;
}

std::vector<Comparison::Pair> take_pairs(Pass& reference, Pass& candidate,
                                         const std::vector<bool>& reference_first) {
  const auto settled = [](Pass& pass) {
    pass.run();
    return pass.timed();
  };
  std::vector<Comparison::Pair> pairs;
  for (const bool first : reference_first) {
    Comparison::Pair pair;
    pair.reference_first = first;
    if (first) pair.reference = settled(reference);
    pair.candidate = settled(candidate);
    if (!first) pair.reference = settled(reference);
    pairs.push_back(pair);
  }
  return pairs;
}

}  // namespace batchfit
