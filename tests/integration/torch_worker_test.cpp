#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "worker_process.h"

namespace batchfit {
namespace {

using std::chrono::seconds;
using testing::Contains;
using testing::HasSubstr;

Json hello() { return {{"op", "hello"}, {"protocol", 1}, {"heartbeat_timeout_s", 600}}; }

Json load(const char* device, const char* model = "resnet50") {
  return {{"op", "load"},        {"device", device}, {"model", model},
          {"weights", "random"}, {"seed", 3},        {"dtype", "fp32"}};
}

Json probe(Batch batch) {
  return {{"op", "probe"}, {"batch", batch}, {"min_samples", 2}, {"max_samples", 4}, {"seconds", 0.01}};
}

/// The one record of an answer, read as strictly as the tuner reads it.
template <class T>
T record_in(const Json& answer) {
  EXPECT_TRUE(answer.value("ok", false)) << answer;
  const auto record = record_from_json(answer.at("records").at(0));
  if (!record) throw std::runtime_error(record.error().text());
  return std::get<T>(*record);
}

class TorchWorker : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(worker.ask(hello()).value("ok", false)); }
  WorkerProcess worker{{BATCHFIT_TORCH_WORKER_PROGRAM}};
};

TEST_F(TorchWorker, measures_and_compares_batches_on_a_cpu) {
  Json request = load("cpu");
  request["threads"] = 1;
  const Json loaded = worker.ask(request);
  ASSERT_TRUE(loaded.value("ok", false)) << loaded;
  EXPECT_THAT(loaded.at("notes"), Contains("weights: random (seed 3)"));
  const auto subject = subject_from_json(loaded.at("subject"));
  ASSERT_TRUE(subject) << subject.error().text();
  EXPECT_EQ(subject->workload.weights, "random (seed 3)");
  EXPECT_EQ(subject->workload.timing, Timing::eager);
  EXPECT_EQ(subject->workload.threads, 1);
  EXPECT_EQ(subject->workload.input_shape, (std::vector<std::int64_t>{3, 224, 224}));

  for (const Batch batch : {1, 2}) {
    const auto observation = record_in<Observation>(worker.ask(probe(batch)));
    EXPECT_EQ(observation.batch, batch);
    EXPECT_EQ(observation.outcome, Outcome::measured);
    EXPECT_GE(observation.samples.size(), 2U);
    // 25.6 M weights of four bytes are resident at the least.
    EXPECT_GT(observation.memory.own().value(), 100 * mebibyte);
  }
  const Json compare = {{"op", "compare"}, {"reference", 1}, {"candidate", 2}, {"pairs", 3}, {"seed", 1}};
  EXPECT_EQ(record_in<Comparison>(worker.ask(compare)).pairs.size(), 3U);
}

TEST_F(TorchWorker, an_unknown_model_is_refused_with_the_nearest_name_and_the_worker_stays_usable) {
  const Json refused = worker.ask(load("cpu", "resnet5"));
  EXPECT_EQ(refused.at("error").at("kind"), "usage");
  EXPECT_THAT(refused.at("error").at("remedy").get<std::string>(), HasSubstr("resnet50"));
  EXPECT_TRUE(worker.ask({{"op", "devices"}}).value("ok", false));
}

TEST_F(TorchWorker, graph_timing_on_a_cpu_and_an_unknown_device_are_usage_errors) {
  Json graph = load("cpu");
  graph["timing"] = "graph";
  EXPECT_EQ(worker.ask(graph).at("error").at("kind"), "usage");
  EXPECT_EQ(worker.ask(load("tpu")).at("error").at("kind"), "usage");
}

TEST_F(TorchWorker, a_released_model_is_gone) {
  ASSERT_TRUE(worker.ask(load("cpu")).value("ok", false));
  EXPECT_TRUE(worker.ask({{"op", "release"}}).value("ok", false));
  EXPECT_EQ(worker.ask(probe(1)).at("error").at("kind"), "usage");
}

TEST_F(TorchWorker, quit_ends_it_with_0) {
  EXPECT_TRUE(worker.ask({{"op", "quit"}}).value("ok", false));
  EXPECT_EQ(worker.exit_code(seconds(10)), 0);
}

TEST_F(TorchWorker, it_ends_in_the_middle_of_a_probe_when_its_stdin_closes) {
  ASSERT_TRUE(worker.ask(load("cpu")).value("ok", false));
  Json endless = probe(1);
  endless["min_samples"] = endless["max_samples"] = 1'000'000'000;
  worker.send(endless);
  worker.close_stdin();
  EXPECT_EQ(worker.exit_code(seconds(10)), 0);
}

/// The same worker on the first CUDA device; skipped where there is none.
class TorchWorkerOnGpu : public TorchWorker {
 protected:
  void SetUp() override {
    TorchWorker::SetUp();
    const Json loaded = worker.ask(load("cuda:0"));
    if (!loaded.value("ok", false) && loaded.at("error").at("kind") == "unavailable") {
      GTEST_SKIP() << "needs an NVIDIA GPU: " << loaded.at("error").at("message");
    }
    ASSERT_TRUE(loaded.value("ok", false)) << loaded;
  }
};

TEST_F(TorchWorkerOnGpu, times_graph_replays_and_tells_own_memory) {
  const auto one = record_in<Observation>(worker.ask(probe(1)));
  const auto eight = record_in<Observation>(worker.ask(probe(8)));
  for (const Observation* observation : {&one, &eight}) {
    EXPECT_EQ(observation->outcome, Outcome::measured);
    EXPECT_EQ(observation->ooms, 0);
    EXPECT_GT(observation->memory.context.value(), 0);
    EXPECT_GE(observation->memory.reserved_peak.value(), observation->memory.allocated_peak.value());
  }
  EXPECT_GT(eight.memory.reserved_peak.value(), one.memory.reserved_peak.value());
  EXPECT_EQ(one.memory.reserved_peak, record_in<Observation>(worker.ask(probe(1))).memory.reserved_peak);
}

TEST_F(TorchWorkerOnGpu, out_of_memory_is_an_outcome_and_the_next_probe_works) {
  Json capped = probe(512);
  capped["cap_bytes"] = 2 * gibibyte;
  const Json answer = worker.ask(capped);
  const auto observation = record_in<Observation>(answer);
  EXPECT_EQ(observation.outcome, Outcome::out_of_memory);
  EXPECT_GT(observation.ooms.value(), 0);
  EXPECT_FALSE(answer.value("replace_worker", false));  // it was met while warming up, not in a capture
  EXPECT_EQ(record_in<Observation>(worker.ask(probe(1))).outcome, Outcome::measured);
}

TEST_F(TorchWorkerOnGpu, a_rehearsal_takes_what_the_run_takes_and_has_no_latency) {
  for (const char* timing : {"graph", "eager"}) {
    Json request = load("cuda:0");
    request["timing"] = timing;
    ASSERT_TRUE(worker.ask(request).value("ok", false));
    EXPECT_EQ(record_in<Observation>(worker.ask(probe(1))).outcome, Outcome::measured);
    for (const Batch batch : {8, 64, 100}) {
      Json rehearsal = probe(batch);
      rehearsal["rehearse"] = true;
      const auto rehearsed = record_in<Observation>(worker.ask(rehearsal));
      const auto run = record_in<Observation>(worker.ask(probe(batch)));
      EXPECT_EQ(rehearsed.outcome, Outcome::rehearsed) << timing << ' ' << batch << ": " << rehearsed.reason;
      EXPECT_TRUE(rehearsed.samples.empty());
      EXPECT_EQ(rehearsed.memory.reserved_peak, run.memory.reserved_peak) << timing << ' ' << batch;
    }
  }
}

TEST_F(TorchWorkerOnGpu, tells_the_joules_of_its_passes_where_it_says_that_it_can) {
  const Json loaded = worker.ask(load("cuda:0"));
  const Json& can = loaded.at("capabilities");
  if (std::find(can.begin(), can.end(), "energy") == can.end()) GTEST_SKIP() << "the device counts no joules";
  Json request = probe(8);
  request["energy_seconds"] = 0.5;
  const auto observation = record_in<Observation>(worker.ask(request));
  ASSERT_TRUE(observation.energy_j && observation.energy_passes);
  const double span = static_cast<double>(*observation.energy_passes) * observation.samples.front();
  const double watts = *observation.energy_j / span;
  EXPECT_GT(watts, 10) << "what a GPU draws that does nothing";
  EXPECT_LT(watts, 5000);
  EXPECT_FALSE(record_in<Observation>(worker.ask(probe(8))).energy_j) << "nobody asked";
}

TEST_F(TorchWorkerOnGpu, compares_two_batches_pair_by_pair) {
  const Json compare = {{"op", "compare"}, {"reference", 1}, {"candidate", 8}, {"pairs", 12}, {"seed", 1}};
  const auto comparison = record_in<Comparison>(worker.ask(compare));
  EXPECT_EQ(comparison.pairs.size(), 12U);
  for (const auto& pair : comparison.pairs) EXPECT_LT(pair.reference, pair.candidate);
}

TEST_F(TorchWorkerOnGpu, every_dtype_and_layout_runs) {
  for (const char* model : {"resnet50", "vit_b_16"}) {
    for (const char* dtype : {"fp16", "bf16"}) {
      Json request = load("cuda:0", model);
      request["dtype"] = dtype;
      request["channels_last"] = true;
      const Json loaded = worker.ask(request);
      ASSERT_TRUE(loaded.value("ok", false)) << loaded;
      EXPECT_EQ(loaded.at("subject").at("workload").at("timing"), "graph");
      EXPECT_EQ(record_in<Observation>(worker.ask(probe(2))).outcome, Outcome::measured);
    }
  }
}

}  // namespace
}  // namespace batchfit
