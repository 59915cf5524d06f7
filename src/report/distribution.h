#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "report/figures.h"

namespace batchfit {

/// One input of a distribution at the answer's batch.
struct InputFigures {
  WeightedSizes input;
  BatchFigures figures;
};

/// What an answer is worth over its distribution of inputs.
struct DistributionFigures {
  std::vector<InputFigures> inputs;
  /// Items a second over the distribution: batch·Σw / Σw·T. Absent where an input has no latency.
  std::optional<double> throughput;
  /// The sizes that come nearest to each limit, or break it: the largest, unless another input measured
  /// slower or bigger. Absent where that limit was not judged.
  std::optional<std::map<std::string, std::int64_t>> latency_decider;
  std::optional<std::map<std::string, std::int64_t>> memory_decider;
  /// Whether the answer holds for every input that was measured: false where one is slower or bigger than the
  /// largest, at which the limits were judged; absent where one could not be measured.
  std::optional<bool> holds;
};

/// Absent where all inputs are alike or there is no answer.
std::optional<DistributionFigures> distribution_figures(const TunedWorkload& tuned);

/// The same for people, a sentence each; empty where all inputs are alike.
std::vector<std::string> distribution_lines(const TunedWorkload& tuned);

/// "length 2048, width 64".
std::string sizes_text(const std::map<std::string, std::int64_t>& sizes);

}  // namespace batchfit
