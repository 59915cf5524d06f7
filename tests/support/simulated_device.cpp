#include "support/simulated_device.h"

#include <algorithm>
#include <random>
#include <utility>

namespace batchfit::test {

Record SimulatedDevice::run(const Probe& probe, int number) const {
  std::mt19937_64 bits(seed * 1'000'003 + static_cast<std::uint64_t>(number));
  std::normal_distribution<double> normal;
  int taken = 0;
  const auto sample = [&](Batch batch) {
    return latency(batch) * slowdown(number, taken++) * std::max(0.01, 1 + noise * normal(bits));
  };
  const Batch batch = batch_of(probe);
  if (crashes(batch)) return Fault{batch, "crash", "it crashed", 0};
  if (const auto* compare = std::get_if<Compare>(&probe)) {
    Comparison comparison;
    comparison.reference = compare->reference;
    comparison.candidate = batch;
    for (int i = 0; i < compare->pairs; ++i) {
      const Seconds reference = sample(compare->reference);
      comparison.pairs.push_back({reference, sample(batch), bits() % 2 == 0});
    }
    return comparison;
  }
  Observation observation;
  observation.batch = batch;
  if (throttled(number)) observation.conditions.throttle_reasons = {"hardware thermal slowdown"};
  observation.cap = total;
  observation.memory.context = 0;
  if (memory(batch) > total) {
    observation.outcome = Outcome::out_of_memory;
    return observation;
  }
  observation.memory.reserved_peak = memory(batch);
  const auto& asked = std::get<Measure>(probe);
  if (rehearses && asked.rehearse) {
    observation.outcome = Outcome::rehearsed;
    return observation;
  }
  for (int i = 0; i < (asked.samples > 0 ? asked.samples : samples); ++i)
    observation.samples.push_back(sample(batch));
  return observation;
}

Search search(const Strategy& next, const SimulatedDevice& device, const Limits& limits,
              const SearchSpace& space, Evidence evidence, int most_probes) {
  Search out;
  out.evidence = std::move(evidence);
  while (static_cast<int>(out.probes.size()) <= most_probes) {
    const Step step = next(out.evidence, limits, device.environment());
    if (const auto* done = std::get_if<Done>(&step)) {
      out.answer = answer(out.evidence, limits, device.environment(), space, *done);
      break;
    }
    const Probe probe = std::get<Probe>(step);
    out.evidence.add(device.run(probe, static_cast<int>(out.evidence.records().size())));
    out.probes.push_back(probe);
  }
  return out;
}

}  // namespace batchfit::test
