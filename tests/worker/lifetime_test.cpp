#include <gtest/gtest.h>

#include <csignal>

#include "sim_device_file.h"

// No worker outlives its tuner, and no tuner leaves a zombie.
namespace batchfit {
namespace {

TEST(Lifetime, a_tuner_killed_in_the_middle_of_a_probe_leaves_no_worker) {
  const SimDeviceFile file(R"([{"kind": "hang", "batch": 8}])");
  auto tuner = ChildProcess::start(shell_quoted(HANGING_TUNER) + " " + shell_quoted(file.command()));
  ASSERT_TRUE(tuner) << tuner.error().text();
  const auto line = (*tuner)->read_line(100, deadline_in(30));
  ASSERT_TRUE(line) << line.error().text();
  const pid_t worker = std::stoi(*line);
  ASSERT_TRUE(exists(worker));
  ASSERT_EQ(::kill((*tuner)->pid(), SIGKILL), 0);
  EXPECT_TRUE(is_gone_soon(worker));
}

TEST(Lifetime, a_worker_whose_tuner_falls_silent_ends_itself) {
  const SimDeviceFile file;
  auto worker = ChildProcess::start(file.command());
  ASSERT_TRUE(worker) << worker.error().text();
  ASSERT_TRUE((*worker)->write_line(R"({"id":1,"op":"hello","protocol":1,"heartbeat_timeout_s":0.1})",
                                    deadline_in(5)));
  ASSERT_TRUE((*worker)->read_line(10000, deadline_in(5)));
  const auto next = (*worker)->read_line(10000, deadline_in(10));
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().kind, ErrorKind::runtime);  // its stdout ended, stdin being open still
  EXPECT_EQ((*worker)->terminate().code, 1);
}

TEST(Lifetime, heartbeats_keep_a_worker_through_a_long_probe_and_while_idle) {
  const SimDeviceFile file(R"([{"kind": "slow", "batch": 8, "wall_s": 1}])");
  WorkerOptions options = file.options();
  options.heartbeat_timeout = 0.3;
  options.patience.probe = 60;
  RemoteWorker worker(options);
  ASSERT_TRUE(worker.load(tiny_request()));
  const auto pid = worker.pid();
  EXPECT_TRUE(std::holds_alternative<Observation>(worker.run(Measure{8}).at(0)));
  ::usleep(1'000'000);  // idle for three time-outs: this is the silence that heartbeats fill
  EXPECT_TRUE(std::holds_alternative<Observation>(worker.run(Measure{4}).at(0)));
  EXPECT_EQ(worker.pid(), pid);
}

}  // namespace
}  // namespace batchfit
