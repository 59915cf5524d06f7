#include "worker/remote_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "sim_device_file.h"

namespace batchfit {
namespace {

using testing::HasSubstr;

const Observation* observation_in(const std::vector<Record>& records) {
  return records.size() == 1 ? std::get_if<Observation>(&records[0]) : nullptr;
}
const Fault* fault_in(const std::vector<Record>& records) {
  return records.size() == 1 ? std::get_if<Fault>(&records[0]) : nullptr;
}

TEST(RemoteWorker, says_what_it_is_and_has) {
  const SimDeviceFile file;
  RemoteWorker worker(file.options());
  const auto hello = worker.hello();
  ASSERT_TRUE(hello) << hello.error().text();
  EXPECT_EQ(hello->models.at(0).name, "tiny");
  const auto devices = worker.devices();
  ASSERT_TRUE(devices) << devices.error().text();
  EXPECT_EQ(devices->at(0).id, "sim:0");
  EXPECT_EQ(devices->at(0).device.total_memory, gibibyte);
}

TEST(RemoteWorker, measures_and_compares) {
  const SimDeviceFile file;
  RemoteWorker worker(file.options());
  const auto loaded = worker.load(tiny_request());
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->subject.workload.timing, Timing::graph);
  const auto records = worker.run(Measure{8});
  ASSERT_TRUE(observation_in(records));
  EXPECT_EQ(observation_in(records)->batch, 8);
  EXPECT_GE(observation_in(records)->samples.size(), 7U);
  EXPECT_EQ(observation_in(records)->memory.own(), 132 * mebibyte);
  const auto compared = worker.run(Compare{1, 8, 20});
  ASSERT_EQ(compared.size(), 1U);
  ASSERT_TRUE(std::holds_alternative<Comparison>(compared[0]));
  EXPECT_EQ(std::get<Comparison>(compared[0]).pairs.size(), 20U);
  EXPECT_EQ(worker.environment(), (Environment{gibibyte, 0}));
}

constexpr const char* rehearsing =
    R"({"capabilities": ["graph_timing", "memory_cap", "memory_counters", "peak_resets", "rehearsal"]})";

TEST(RemoteWorker, rehearses_what_need_not_be_run) {
  const SimDeviceFile file("[]", rehearsing);
  RemoteWorker worker(file.options());
  ASSERT_TRUE(worker.load(tiny_request()));
  const auto records = worker.run(Measure{8, 1, /*rehearse=*/true});
  ASSERT_TRUE(observation_in(records));
  EXPECT_EQ(observation_in(records)->outcome, Outcome::rehearsed);
  EXPECT_TRUE(observation_in(records)->samples.empty());
  const auto run = worker.run(Measure{8, 1});
  EXPECT_EQ(observation_in(run)->memory, observation_in(records)->memory);
}

TEST(RemoteWorker, runs_what_it_cannot_rehearse) {
  const SimDeviceFile file;
  RemoteWorker worker(file.options());
  ASSERT_TRUE(worker.load(tiny_request()));
  const auto records = worker.run(Measure{8, 1, /*rehearse=*/true});
  ASSERT_TRUE(observation_in(records));
  EXPECT_EQ(observation_in(records)->outcome, Outcome::measured);
  EXPECT_EQ(observation_in(records)->samples.size(), 1U);
}

TEST(RemoteWorker, after_a_rehearsal_that_failed_runs_that_batch_and_rehearses_no_more) {
  const SimDeviceFile file(R"([{"kind": "failed", "probe": 1}])", rehearsing);
  RemoteWorker worker(file.options());
  ASSERT_TRUE(worker.load(tiny_request()));
  for (const Batch batch : {8, 9}) {
    const auto records = worker.run(Measure{batch, 1, /*rehearse=*/true});
    ASSERT_TRUE(observation_in(records));
    EXPECT_EQ(observation_in(records)->outcome, Outcome::measured) << batch;
  }
}

TEST(RemoteWorker, hands_the_cap_on) {
  const SimDeviceFile file;
  RemoteWorker worker(file.options());
  ASSERT_TRUE(worker.load(tiny_request()));
  worker.set_cap(104 * mebibyte);  // the context takes 100 of them
  const auto records = worker.run(Measure{8});
  ASSERT_TRUE(observation_in(records));
  EXPECT_EQ(observation_in(records)->outcome, Outcome::out_of_memory);
  EXPECT_EQ(observation_in(records)->cap, 4 * mebibyte);
}

TEST(RemoteWorker, a_model_that_is_not_there_is_the_users_error_and_the_worker_goes_on) {
  const SimDeviceFile file;
  RemoteWorker worker(file.options());
  LoadRequest request = tiny_request();
  request.model = "huge";
  const auto loaded = worker.load(request);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, ErrorKind::usage);
  EXPECT_THAT(loaded.error().remedy, HasSubstr("tiny"));
  const auto pid = worker.pid();
  EXPECT_TRUE(worker.load(tiny_request()));
  EXPECT_EQ(worker.pid(), pid);
  EXPECT_TRUE(worker.release());
  EXPECT_TRUE(fault_in(worker.run(Measure{1})));
}

TEST(RemoteWorker, that_cannot_be_started_is_unavailable_and_says_what_the_command_said) {
  WorkerOptions options;
  options.command = "no-such-worker --fast";
  const auto hello = RemoteWorker(options).hello();
  ASSERT_FALSE(hello);
  EXPECT_EQ(hello.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(hello.error().text(), HasSubstr("no-such-worker --fast"));
  EXPECT_THAT(hello.error().text(), HasSubstr("exit code 127"));
}

TEST(RemoteWorker, of_another_version_says_so) {
  const SimDeviceFile file(R"([{"kind": "wrong_version", "op": "hello"}])");
  const auto hello = RemoteWorker(file.options()).hello();
  ASSERT_FALSE(hello);
  EXPECT_THAT(hello.error().message, HasSubstr("protocol 2"));
}

struct LostProbe {
  const char* kind;
  const char* counted_as;
};

/// Every way in which an answer can fail to come, and the kind of fault that it counts as.
class LosesOneProbe : public testing::TestWithParam<LostProbe> {};

TEST_P(LosesOneProbe, and_the_replaced_worker_measures_it) {
  const SimDeviceFile file(std::string(R"([{"batch": 8, "kind": ")") + GetParam().kind + "\"}]");
  WorkerOptions options = file.options();
  if (GetParam().counted_as == std::string("timeout")) options.patience.probe = 1;
  RemoteWorker worker(options);
  ASSERT_TRUE(worker.load(tiny_request()));
  const pid_t first = *worker.pid();
  ASSERT_TRUE(observation_in(worker.run(Measure{4})));
  const auto lost = worker.run(Measure{8});
  ASSERT_TRUE(fault_in(lost));
  EXPECT_EQ(fault_in(lost)->kind, GetParam().counted_as) << fault_in(lost)->detail;
  EXPECT_EQ(fault_in(lost)->batch, 8);
  EXPECT_FALSE(exists(first));
  const auto again = worker.run(Measure{8});
  ASSERT_TRUE(observation_in(again)) << fault_in(again)->detail;
  EXPECT_EQ(observation_in(again)->outcome, Outcome::measured);
  const pid_t second = *worker.pid();
  EXPECT_NE(second, first);
  worker.quit();
  EXPECT_FALSE(exists(second));
}

INSTANTIATE_TEST_SUITE_P(
    Faults, LosesOneProbe,
    testing::Values(LostProbe{"crash", "crash"}, LostProbe{"exit", "crash"},
                    LostProbe{"close_stdout", "crash"}, LostProbe{"partial_line_and_exit", "crash"},
                    LostProbe{"hang", "timeout"}, LostProbe{"partial_line", "timeout"},
                    LostProbe{"garbage", "protocol"}, LostProbe{"chatter", "protocol"},
                    LostProbe{"empty_line", "protocol"}, LostProbe{"not_an_object", "protocol"},
                    LostProbe{"huge_line", "protocol"}, LostProbe{"wrong_id", "protocol"},
                    LostProbe{"no_id", "protocol"}, LostProbe{"no_ok", "protocol"},
                    LostProbe{"nan", "protocol"}, LostProbe{"infinity", "protocol"},
                    LostProbe{"no_records", "protocol"}, LostProbe{"two_records", "protocol"},
                    LostProbe{"wrong_batch", "protocol"}, LostProbe{"wrong_record", "protocol"},
                    LostProbe{"negative_memory", "protocol"}, LostProbe{"negative_latency", "protocol"},
                    LostProbe{"zero_latency", "protocol"}, LostProbe{"no_samples", "protocol"},
                    LostProbe{"text_for_a_number", "protocol"}),
    [](const testing::TestParamInfo<LostProbe>& tested) { return std::string(tested.param.kind); });

TEST(RemoteWorker, that_is_stopped_for_good_is_killed) {
  const SimDeviceFile file(R"([{"kind": "deaf", "batch": 8}])");
  WorkerOptions options = file.options();
  options.patience.probe = 0.2;
  options.graces.after_close = 0.05;
  RemoteWorker worker(options);
  ASSERT_TRUE(worker.load(tiny_request()));
  const pid_t first = *worker.pid();
  const auto lost = worker.run(Measure{8});
  ASSERT_TRUE(fault_in(lost));
  EXPECT_EQ(fault_in(lost)->kind, "timeout");
  EXPECT_FALSE(exists(first));
  EXPECT_TRUE(observation_in(worker.run(Measure{8})));
}

TEST(RemoteWorker, an_answer_that_is_slow_but_in_time_is_taken) {
  const SimDeviceFile file(
      R"([{"kind": "slow", "batch": 8, "wall_s": 0.1}, {"kind": "stderr_flood", "batch": 9}])");
  RemoteWorker worker(file.options());
  ASSERT_TRUE(worker.load(tiny_request()));
  EXPECT_TRUE(observation_in(worker.run(Measure{8})));
  EXPECT_TRUE(observation_in(worker.run(Measure{9})));
}

TEST(RemoteWorker, a_fault_that_stays_is_met_on_every_attempt) {
  const SimDeviceFile file(R"([{"kind": "crash", "batch": 8, "times": 3}])");
  RemoteWorker worker(file.options());
  ASSERT_TRUE(worker.load(tiny_request()));
  for (int attempt = 1; attempt <= 3; ++attempt) EXPECT_TRUE(fault_in(worker.run(Measure{8})));
  EXPECT_TRUE(observation_in(worker.run(Measure{8})));
}

TEST(RemoteWorker, a_fault_says_how_the_worker_ended_and_its_last_words) {
  const SimDeviceFile file(R"([{"kind": "exit", "batch": 8}])");
  RemoteWorker worker(file.options());
  ASSERT_TRUE(worker.load(tiny_request()));
  const auto lost = worker.run(Measure{8});
  ASSERT_TRUE(fault_in(lost));
  EXPECT_THAT(fault_in(lost)->detail, HasSubstr("exit code 3"));
  EXPECT_THAT(fault_in(lost)->detail, HasSubstr("simulated: cannot go on"));
}

TEST(RemoteWorker, a_refused_measurement_is_an_observation_that_failed) {
  const SimDeviceFile file(R"([{"kind": "refuse", "batch": 8}])");
  RemoteWorker worker(file.options());
  ASSERT_TRUE(worker.load(tiny_request()));
  const pid_t first = *worker.pid();
  const auto records = worker.run(Measure{8});
  ASSERT_TRUE(observation_in(records));
  EXPECT_EQ(observation_in(records)->outcome, Outcome::failed);
  EXPECT_EQ(observation_in(records)->reason, "runtime: simulated");
  EXPECT_EQ(worker.pid(), first);
}

TEST(RemoteWorker, a_refused_comparison_is_a_fault_so_that_retries_end) {
  const SimDeviceFile file(R"([{"kind": "refuse_for_memory", "op": "compare", "batch": 8}])");
  RemoteWorker worker(file.options());
  ASSERT_TRUE(worker.load(tiny_request()));
  const auto records = worker.run(Compare{1, 8, 5});
  ASSERT_TRUE(fault_in(records));
  EXPECT_EQ(fault_in(records)->kind, "worker");
  EXPECT_EQ(fault_in(records)->detail, "out_of_memory: simulated");
}

TEST(RemoteWorker, an_answer_from_an_unfit_worker_counts_and_the_worker_is_replaced) {
  const SimDeviceFile file(
      R"([{"kind": "replace_worker", "batch": 8}, {"kind": "refuse_and_replace", "batch": 9}])");
  RemoteWorker worker(file.options());
  ASSERT_TRUE(worker.load(tiny_request()));
  const pid_t first = *worker.pid();
  EXPECT_TRUE(observation_in(worker.run(Measure{8})));
  EXPECT_FALSE(exists(first));
  const auto refused = worker.run(Measure{9});
  ASSERT_TRUE(observation_in(refused));
  EXPECT_EQ(observation_in(refused)->outcome, Outcome::failed);
  EXPECT_FALSE(worker.pid());
  EXPECT_TRUE(observation_in(worker.run(Measure{10})));
}

TEST(RemoteWorker, without_peak_resets_each_measurement_gets_a_fresh_process) {
  const SimDeviceFile file("[]", R"({"capabilities": ["compare"]})");
  RemoteWorker worker(file.options());
  ASSERT_TRUE(worker.load(tiny_request()));
  const pid_t first = *worker.pid();
  EXPECT_TRUE(observation_in(worker.run(Measure{1})));
  EXPECT_EQ(worker.pid(), first);
  EXPECT_TRUE(observation_in(worker.run(Measure{2})));
  EXPECT_NE(worker.pid(), first);
  EXPECT_FALSE(exists(first));
  const auto second = worker.pid();
  EXPECT_TRUE(std::holds_alternative<Comparison>(worker.run(Compare{1, 2, 3}).at(0)));
  EXPECT_EQ(worker.pid(), second);
}

TEST(RemoteWorker, without_compare_says_so_and_asks_nothing) {
  const SimDeviceFile file("[]", R"({"capabilities": ["peak_resets"]})");
  RemoteWorker worker(file.options());
  ASSERT_TRUE(worker.load(tiny_request()));
  const auto records = worker.run(Compare{1, 8, 5});
  ASSERT_TRUE(fault_in(records));
  EXPECT_THAT(fault_in(records)->detail, HasSubstr("cannot compare"));
}

TEST(RemoteWorker, the_environment_goes_on_across_a_replaced_worker) {
  const SimDeviceFile file(R"([{"kind": "crash", "batch": 8}])",
                           R"({"neighbours": [{"from_probe": 2, "bytes": 1000}]})");
  RemoteWorker worker(file.options());
  ASSERT_TRUE(worker.load(tiny_request()));
  EXPECT_EQ(worker.environment().others, 0);
  EXPECT_TRUE(fault_in(worker.run(Measure{8})));
  EXPECT_EQ(worker.environment().others, 0);
  EXPECT_TRUE(observation_in(worker.run(Measure{8})));
  EXPECT_EQ(worker.last_environment().others, 1000);
  EXPECT_EQ(worker.environment().others, 1000);
}

TEST(RemoteWorker, a_probe_is_cancelled_in_the_middle_of_a_hang) {
  const SimDeviceFile file(R"([{"kind": "hang", "batch": 8}])");
  Cancellation cancel;
  WorkerOptions options = file.options();
  options.patience.probe = 1000;
  options.cancel = &cancel;
  RemoteWorker worker(options);
  ASSERT_TRUE(worker.load(tiny_request()));
  const pid_t pid = *worker.pid();
  std::jthread raiser([&] { cancel.raise(); });
  EXPECT_TRUE(worker.run(Measure{8}).empty());
  EXPECT_FALSE(exists(pid));
  EXPECT_TRUE(worker.run(Measure{4}).empty());
  EXPECT_FALSE(worker.pid());
  EXPECT_EQ(worker.load(tiny_request()).error().kind, ErrorKind::interrupted);
}

}  // namespace
}  // namespace batchfit
