#include "judge/drift.h"

#include <cmath>
#include <vector>

#include "facts/summary.h"

namespace batchfit {
namespace {

/// What the record says of batch 1's latency; empty where it says nothing, or was disturbed.
std::vector<Seconds> samples_of_batch_1(const Record& record) {
  const auto* alone = std::get_if<Observation>(&record);
  if (alone != nullptr && alone->batch == 1 && !alone->conditions.disturbed()) return alone->samples;
  std::vector<Seconds> samples;
  const auto* pairs = std::get_if<Comparison>(&record);
  if (pairs != nullptr && pairs->reference == 1 && !pairs->conditions.disturbed()) {
    for (const Comparison::Pair& pair : pairs->pairs) samples.push_back(pair.reference);
  }
  return samples;
}

}  // namespace

std::optional<double> drift(const Evidence& evidence) {
  std::optional<Seconds> first;
  std::optional<double> furthest;
  for (const Record& record : evidence.records()) {
    const std::vector<Seconds> samples = samples_of_batch_1(record);
    if (samples.empty()) continue;
    const Seconds now = median(samples);
    if (!first) {
      first = now;
      continue;
    }
    const double change = now / *first - 1;
    if (!furthest || std::abs(change) > std::abs(*furthest)) furthest = change;
  }
  return furthest;
}

}  // namespace batchfit
