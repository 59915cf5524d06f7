#include "support/facts.h"

#include <utility>

namespace batchfit::test {

Subject subject_of(const std::string& model) {
  Subject subject;
  subject.device = {"cuda", "NVIDIA H200", 150 * gibibyte, "1g.18gb", 700.0, "580.1"};
  subject.runtime = {"libtorch", "2.11.0+cu130", {{"cudnn", "9.1"}, {"worker", "torch 1"}}};
  subject.workload.model = model;
  subject.workload.weights = "random (seed 0)";
  subject.workload.model_code = "1";
  subject.workload.dtype = "fp16";
  subject.workload.input_shape = {3, 224, 224};
  subject.workload.shape = {{"length", 512}};
  subject.workload.timing = Timing::graph;
  subject.workload.threads = 2;
  return subject;
}

ObservationBuilder::ObservationBuilder(Batch batch, Outcome outcome) {
  observation_.batch = batch;
  observation_.outcome = outcome;
  observation_.memory.context = 0;
}

ObservationBuilder& ObservationBuilder::samples(std::vector<Seconds> samples) {
  observation_.samples = std::move(samples);
  return *this;
}

ObservationBuilder& ObservationBuilder::samples(int count, Seconds each) {
  observation_.samples.assign(static_cast<std::size_t>(count), each);
  return *this;
}

ObservationBuilder& ObservationBuilder::own(Bytes bytes) {
  observation_.memory.reserved_peak = bytes;
  return *this;
}

ObservationBuilder& ObservationBuilder::cap(Bytes bytes) {
  observation_.cap = bytes;
  return *this;
}

ObservationBuilder& ObservationBuilder::throttled() {
  observation_.conditions.throttle_reasons = {"hardware thermal slowdown"};
  return *this;
}

ObservationBuilder& ObservationBuilder::reason(std::string text) {
  observation_.reason = std::move(text);
  return *this;
}

ObservationBuilder measured(Batch batch) {
  return ObservationBuilder(batch, Outcome::measured).samples(5, 0.001).own(gibibyte);
}

ObservationBuilder rehearsed(Batch batch) {
  return ObservationBuilder(batch, Outcome::rehearsed).own(gibibyte);
}

ObservationBuilder out_of_memory(Batch batch) {
  return ObservationBuilder(batch, Outcome::out_of_memory).reason("out of memory");
}

ObservationBuilder failed(Batch batch) {
  return ObservationBuilder(batch, Outcome::failed).reason("it raised");
}

Comparison compared(Batch candidate, int within, int beyond, double ratio) {
  Comparison comparison;
  comparison.candidate = candidate;
  for (int i = 0; i < within + beyond; ++i) {
    comparison.pairs.push_back({1, ratio * (i < within ? 0.999 : 1.001), i % 2 == 0});
  }
  return comparison;
}

Fault fault_of(Batch batch) { return {batch, "crash", "it crashed", 0}; }

Evidence evidence_of(const std::vector<Record>& records) {
  Evidence evidence;
  for (const Record& record : records) evidence.add(record);
  return evidence;
}

}  // namespace batchfit::test
