#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace batchfit {

/// Named sizes of an input ("length": 512), and how often such inputs come, relative to the others'.
struct WeightedSizes {
  std::map<std::string, std::int64_t> sizes;
  double weight = 1;

  bool operator==(const WeightedSizes&) const = default;
};

/// The inputs of one workload. An answer must hold for the longest, so that is what is tuned.
struct InputSizes {
  std::map<std::string, std::int64_t> sizes;  ///< every named size at its largest; empty: the model's own
  std::vector<WeightedSizes> distribution;    ///< what throughput is measured over; empty where all are alike
  std::string told;                           ///< the distribution for people: "length 128 to 2048"
};

}  // namespace batchfit
