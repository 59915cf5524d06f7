#pragma once

#include <string>
#include <vector>

#include "facts/evidence.h"
#include "facts/workload.h"

namespace batchfit::test {

/// A subject with every field set; only its model's name varies.
Subject subject_of(const std::string& model = "resnet50");

/// Builds an observation field by field: `measured(8).samples(5, 0.01).own(gibibyte)`.
class ObservationBuilder {
 public:
  ObservationBuilder(Batch batch, Outcome outcome);
  ObservationBuilder& samples(std::vector<Seconds> samples);
  ObservationBuilder& samples(int count, Seconds each);
  ObservationBuilder& own(Bytes bytes);  ///< all of it reserved
  ObservationBuilder& cap(Bytes bytes);
  ObservationBuilder& throttled();  ///< by heat
  ObservationBuilder& reason(std::string text);
  operator Observation() const {
    return observation_;
  }  // NOLINT(google-explicit-constructor): what a builder is for
  operator Record() const { return observation_; }  // NOLINT(google-explicit-constructor)

 private:
  Observation observation_;
};

/// Five equal samples of 1 ms and 1 GiB, unless said otherwise.
ObservationBuilder measured(Batch batch);
ObservationBuilder rehearsed(Batch batch);  ///< 1 GiB, no samples
ObservationBuilder out_of_memory(Batch batch);
ObservationBuilder failed(Batch batch);

/// Pairs (reference 1 s): `within` of them below the ratio, the rest above it.
Comparison compared(Batch candidate, int within, int beyond, double ratio = 2);

Fault fault_of(Batch batch);

Evidence evidence_of(const std::vector<Record>& records);

}  // namespace batchfit::test
