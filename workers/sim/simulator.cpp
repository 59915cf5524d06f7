#include "sim/simulator.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "sim/allocator.h"

namespace batchfit::sim {
namespace {

constexpr Bytes allocation_unit = 512;
constexpr Bytes large_request = mebibyte;
constexpr Bytes segment_unit = 2 * mebibyte;

Bytes rounded_up(Bytes bytes, Bytes unit) { return (bytes + unit - 1) / unit * unit; }

Bytes charged(Bytes request) {
  return rounded_up(request, request > large_request ? segment_unit : allocation_unit);
}

/// The stream of one probe. mt19937_64 and seed_seq are the same everywhere; the standard's distributions are
/// not.
class Random {
 public:
  Random(std::int64_t file_seed, std::int64_t probe, Batch batch) {
    std::seed_seq words{file_seed, probe, batch};
    engine_.seed(words);
  }
  double uniform() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }  // never 0
  double normal() { return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform()); }
  bool coin() { return (engine_() >> 63) != 0; }

 private:
  std::mt19937_64 engine_;
};

/// Latency of passes during one probe.
class Clock {
 public:
  Clock(const SimDevice& device, Timing timing, std::int64_t probe)
      : device_(device), timing_(timing), slowdown_(1 + device.drift_per_probe * static_cast<double>(probe)) {
    for (const Throttling& period : device.throttling) {
      if (!period.probes.holds(probe)) continue;
      slowdown_ *= period.slowdown;
      reasons_.push_back(period.reason);
    }
  }

  Seconds sample(Batch batch, Random& random) const { return sample(batch, timing_, random); }
  Seconds sample(Batch batch, Timing timing, Random& random) const {
    const double sigma = timing == Timing::graph ? device_.noise.graph : device_.noise.eager;
    return undisturbed(batch, timing) * slowdown_ * std::exp(sigma * random.normal());
  }
  Seconds latency(Batch batch) const { return undisturbed(batch, timing_) * slowdown_; }
  const std::vector<std::string>& throttle_reasons() const { return reasons_; }

 private:
  Seconds undisturbed(Batch batch, Timing timing) const {
    const auto after = std::upper_bound(device_.pieces.begin(), device_.pieces.end(), batch,
                                        [](Batch b, const LatencyPiece& piece) { return b < piece.from; });
    const LatencyPiece& piece = *std::prev(after);
    Seconds latency = piece.base + piece.per_item * static_cast<double>(batch);
    if (device_.steps) {
      latency += device_.steps->extra * static_cast<double>((batch - 1) / device_.steps->every + 1);
    }
    for (const LatencyDip& dip : device_.dips) {
      if (batch % dip.every == 0) latency *= dip.factor;
    }
    // Launches run ahead of the device: an eager pass takes the longer of the two.
    return timing == Timing::eager ? std::max(latency, device_.launch_overhead) : latency;
  }

  const SimDevice& device_;
  Timing timing_;
  double slowdown_;
  std::vector<std::string> reasons_;
};

Conditions conditions_of(const SimDevice& device, const Clock& clock, std::int64_t number) {
  Conditions conditions;
  conditions.throttle_reasons = clock.throttle_reasons();
  conditions.others_before = others_after(device, number - 1);
  conditions.others_after = others_after(device, number);
  return conditions;
}

/// The most that may be reserved: what the device has free, or what the cap on own memory leaves beside the
/// context.
Bytes reservable(const SimDevice& device, const ProbePlan& plan) {
  const Bytes others = std::max(others_after(device, plan.number - 1), others_after(device, plan.number));
  const Bytes free = std::max<Bytes>(0, device.total_memory - device.context - others);
  return plan.cap ? std::clamp<Bytes>(*plan.cap - device.context, 0, free) : free;
}

}  // namespace

namespace {

AllocatorPeaks sums(const SimDevice& device, Batch batch, std::optional<Bytes> cap) {
  std::map<std::string, Bytes> live;
  Bytes allocated = charged(device.weights);
  Bytes peak = allocated;
  for (const ProgramStep& step : device.program) {
    if (step.is_free) {
      allocated -= live[step.block];
      live.erase(step.block);
      continue;
    }
    if (!step.is_there_at(batch)) continue;
    const Bytes bytes = charged(step.bytes + step.bytes_per_item * batch);
    live[step.block] = bytes;
    allocated += bytes;
    peak = std::max(peak, allocated);
  }
  const Bytes reserved = rounded_up(peak, segment_unit);
  return {peak, reserved, 0, !cap || reserved <= *cap};
}

/// The requests of a pass, in order.
std::vector<AllocationEvent> events_of(const SimDevice& device, Batch batch) {
  std::vector<AllocationEvent> events;
  std::map<std::string, std::int64_t> live;
  std::int64_t last = 0;
  for (const ProgramStep& step : device.program) {
    if (step.is_free) {
      const auto block = live.find(step.block);
      if (block == live.end()) continue;  // it was not there at this batch
      events.push_back({0, block->second, true});
      live.erase(block);
    } else if (step.is_there_at(batch)) {
      live[step.block] = ++last;
      events.push_back({step.bytes + step.bytes_per_item * batch, last, false});
    }
  }
  return events;
}

AllocatorPeaks cached(const SimDevice& device, Timing timing, Batch batch, std::optional<Bytes> cap) {
  const Bytes weights = rounded_up(device.weights, segment_unit);
  CachingAllocator allocator(timing, cap ? std::optional(*cap - weights) : std::nullopt);
  AllocatorPeaks peaks;
  peaks.fits = !cap || weights <= *cap;
  for (const AllocationEvent& event : events_of(device, batch)) {
    if (event.is_free) {
      allocator.release(event.block);
    } else if (!allocator.allocate(event.block, event.bytes)) {
      peaks.fits = false;
      break;
    }
  }
  peaks.allocated = rounded_up(device.weights, allocation_unit) + allocator.allocated_peak;
  peaks.reserved = weights + allocator.reserved_peak;
  peaks.retries = allocator.retries;
  return peaks;
}

}  // namespace

AllocatorPeaks allocator_peaks(const SimDevice& device, Timing timing, Batch batch,
                               std::optional<Bytes> cap) {
  return device.allocator == AllocatorRules::caching ? cached(device, timing, batch, cap)
                                                     : sums(device, batch, cap);
}

AllocationTrace trace_of(const SimDevice& device, Timing timing, Batch batch) {
  const AllocatorPeaks peaks = allocator_peaks(device, timing, batch);
  AllocationTrace trace;
  trace.batch = batch;
  trace.timing = timing;
  trace.events = events_of(device, batch);
  trace.reserved_before = rounded_up(device.weights, segment_unit);
  trace.allocated_before = rounded_up(device.weights, allocation_unit);
  trace.reserved_peak = peaks.reserved;
  trace.allocated_peak = peaks.allocated;
  return trace;
}

Observation measure(const SimDevice& device, Timing timing, Batch batch, const ProbePlan& plan) {
  const Clock clock(device, timing, plan.number);
  Observation observation;
  observation.batch = batch;
  observation.conditions = conditions_of(device, clock, plan.number);
  observation.cap = reservable(device, plan);
  const AllocatorPeaks peaks = allocator_peaks(device, timing, batch, observation.cap);
  observation.alloc_retries = peaks.retries;
  observation.ooms = 0;
  if (!peaks.fits) {
    observation.outcome = Outcome::out_of_memory;
    observation.reason = "a pass needs " + format_bytes(allocator_peaks(device, timing, batch).reserved) +
                         ", the cap is " + format_bytes(*observation.cap);
    observation.ooms = 1;
    return observation;
  }
  observation.memory.allocated_peak = peaks.allocated;
  observation.memory.reserved_peak = peaks.reserved;
  observation.memory.context = device.context;
  if (plan.rehearse) {
    observation.outcome = Outcome::rehearsed;
    return observation;
  }
  Random random(device.seed, plan.number, batch);
  while (std::ssize(observation.samples) < plan.min_samples ||
         (std::ssize(observation.samples) < plan.max_samples && observation.took < plan.seconds)) {
    observation.samples.push_back(clock.sample(batch, random));
    observation.took += observation.samples.back();
  }
  for (std::int64_t i = 0; timing == Timing::graph && i < plan.eager_samples; ++i) {
    observation.eager_samples.push_back(clock.sample(batch, Timing::eager, random));
    observation.took += observation.eager_samples.back();
  }
  if (plan.energy_seconds > 0) {
    const auto& [base, per_item] = device.energy;
    const Seconds latency = clock.latency(batch);
    observation.energy_passes = static_cast<std::int64_t>(std::ceil(plan.energy_seconds / latency));
    const auto passes = static_cast<double>(*observation.energy_passes);
    observation.energy_j = passes * (base + per_item * static_cast<double>(batch));
    observation.took += passes * latency;
  }
  return observation;
}

Comparison compare(const SimDevice& device, Timing timing, const Compare& asked, std::int64_t seed,
                   std::int64_t number) {
  const Clock clock(device, timing, number);
  Comparison comparison;
  comparison.reference = asked.reference;
  comparison.candidate = asked.candidate;
  comparison.conditions = conditions_of(device, clock, number);
  Random order(seed, 0, 0);
  Random random(device.seed, number, asked.candidate);
  for (int i = 0; i < asked.pairs; ++i) {
    const bool reference_first = order.coin();
    const Seconds reference = clock.sample(asked.reference, random);
    const Seconds candidate = clock.sample(asked.candidate, random);
    comparison.pairs.push_back({reference, candidate, reference_first});
    comparison.took += reference + candidate;
  }
  return comparison;
}

Bytes others_after(const SimDevice& device, std::int64_t number) {
  Bytes held = 0;
  for (const Neighbour& neighbour : device.neighbours) {
    if (neighbour.probes.holds(number)) held += neighbour.bytes;
  }
  return std::min(held, device.total_memory);
}

}  // namespace batchfit::sim
