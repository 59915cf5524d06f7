#include "tune/canary.h"

#include <gtest/gtest.h>

#include "support/facts.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests

/// A worker that answers with one record and counts what is asked of it.
class StubWorker : public Worker {
 public:
  explicit StubWorker(std::optional<Record> answer) : answer_(std::move(answer)) {}

  std::vector<Record> run(const Probe& probe) override {
    probes.push_back(probe);
    return answer_ ? std::vector<Record>{*answer_} : std::vector<Record>{};
  }
  Environment environment() override { return {}; }
  void set_cap(std::optional<Bytes>) override {}
  void replace() override { ++replaced; }
  bool is_fresh() const override { return fresh; }

  std::vector<Probe> probes;
  int replaced = 0;
  bool fresh = false;

 private:
  std::optional<Record> answer_;
};

/// How often the worker was replaced that answers so, where batch 1 first took 1 GiB and 1 ms.
int replacements(const std::optional<Record>& answer) {
  StubWorker worker(answer);
  prove_clean(worker, evidence_of({measured(1).samples(5, 0.001).own(gibibyte), out_of_memory(64)}));
  EXPECT_EQ(worker.probes, std::vector<Probe>{Measure{1}});
  return worker.replaced;
}

TEST(Canary, is_sent_after_any_out_of_memory) {
  Observation silent = measured(8);
  silent.ooms = 1;
  Fault refused = fault_of(8);
  EXPECT_FALSE(ran_out_of_memory({Record(measured(8)), Record(refused)}));
  refused.detail = "out_of_memory: the two batches do not fit together";
  EXPECT_TRUE(ran_out_of_memory({Record(out_of_memory(8))}));
  EXPECT_TRUE(ran_out_of_memory({Record(silent)})) << "a library took another plan";
  EXPECT_TRUE(ran_out_of_memory({Record(refused)})) << "a comparison";
}

TEST(Canary, lets_a_worker_live_that_is_as_it_was) {
  EXPECT_EQ(replacements(measured(1).samples(5, 0.0012).own(gibibyte + 50 * mebibyte)), 0);
}

TEST(Canary, has_a_worker_replaced_that_keeps_memory_is_slow_or_fails) {
  EXPECT_EQ(replacements(measured(1).samples(5, 0.001).own(gibibyte + 200 * mebibyte)), 1);
  EXPECT_EQ(replacements(measured(1).samples(5, 0.002).own(gibibyte)), 1);
  EXPECT_EQ(replacements(failed(1)), 1);
  EXPECT_EQ(replacements(fault_of(1)), 1);
  EXPECT_EQ(replacements(std::nullopt), 1);
}

TEST(Canary, asks_nothing_of_a_process_that_ran_nothing_yet_or_without_a_first_measurement) {
  StubWorker fresh(measured(1));
  fresh.fresh = true;
  prove_clean(fresh, evidence_of({measured(1)}));
  StubWorker other(measured(1));
  prove_clean(other, evidence_of({out_of_memory(1)}));
  EXPECT_TRUE(fresh.probes.empty());
  EXPECT_TRUE(other.probes.empty());
}

}  // namespace
}  // namespace batchfit
