#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "search/answer.h"
#include "search/strategy.h"

namespace batchfit::test {

/// A device as pure functions of the batch. Noise comes from the seed and the number of the probe alone, so
/// that the same probes in the same order bring the same records.
struct SimulatedDevice {
  std::function<Seconds(Batch)> latency;
  std::function<Bytes(Batch)> memory;
  Bytes total = 80 * gibibyte;
  double noise = 0;  ///< relative standard deviation of a sample
  std::uint64_t seed = 0;
  int samples = 7;  ///< of one probe
  /// Factor on each sample, by the number of the probe and of the sample within it: drift and throttling.
  std::function<double(int, int)> slowdown = [](int, int) { return 1.0; };
  /// Whether the device says that it is throttled, by the number of the probe.
  std::function<bool(int)> throttled = [](int) { return false; };
  bool rehearses = false;  ///< tells memory without a run, where that is enough
  std::function<bool(Batch)> crashes = [](Batch) { return false; };

  Environment environment() const { return {total, 0}; }
  Record run(const Probe& probe, int number) const;
};

/// One run of the loop: evidence grows until the strategy is done.
struct Search {
  Answer answer;
  Evidence evidence;
  std::vector<Probe> probes;  ///< in the order made
};

/// Drives the strategy as src/tune does. A search that makes more than `most_probes` is ended with an empty
/// answer.
Search search(const Strategy& next, const SimulatedDevice& device, const Limits& limits,
              const SearchSpace& space, Evidence evidence = {}, int most_probes = 100'000);

}  // namespace batchfit::test
