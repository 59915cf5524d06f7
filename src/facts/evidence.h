#pragma once

#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "facts/observation.h"
#include "facts/probe.h"
#include "facts/trace.h"

namespace batchfit {

using Record = std::variant<Observation, Comparison, AllocationTrace, Fault>;

/// All records of one workload on one device, in the order they came.
class Evidence {
 public:
  void add(Record record);

  std::span<const Record> records() const { return records_; }
  bool empty() const { return records_.empty(); }

  /// The last observation of the batch that settled something: measured, or the out-of-memory that stands.
  /// A rehearsal counts only where it was never measured, a failed one only where there is no other.
  const Observation* observation(Batch batch) const;

  /// Whether the memory of the batch is known and nothing else: it never ran.
  bool only_rehearsed(Batch batch) const;

  /// Batches with an observation, ascending.
  std::vector<Batch> observed() const;

  /// Batches with an observation, in the order of their first.
  std::vector<Batch> observed_in_order() const;

  /// Batches with an observation or a fault, ascending.
  std::vector<Batch> tried() const;

  /// The latency samples of the batch's undisturbed observations, in the order taken; of all where every one
  /// was disturbed.
  std::vector<Seconds> samples(Batch batch) const;

  /// All observations of the batch, in the order they came.
  std::vector<const Observation*> observations(Batch batch) const;

  /// Whether the batch was measured, and each time under conditions that say little of it.
  bool disturbed(Batch batch) const;

  /// Candidates that were compared with the reference, in the order of their first comparison.
  std::vector<Batch> compared(Batch reference) const;

  /// All pairs of (reference, candidate), in order, over all comparisons of the two.
  std::vector<Comparison::Pair> pairs(Batch reference, Batch candidate) const;

  /// Faults of the batch since its last observation or comparison: what a retry has met in a row.
  std::vector<const Fault*> faults_in_a_row(Batch batch) const;

 private:
  std::vector<Record> records_;
};

}  // namespace batchfit
