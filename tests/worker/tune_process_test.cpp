#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "sim/truth.h"
#include "sim_device_file.h"
#include "support/temporary_folder.h"
#include "tune/suite.h"

namespace batchfit {
namespace {

TuneGoal exponential_to(Batch max_batch) {
  TuneGoal goal;
  goal.strategy = "exponential";
  goal.max_batch = max_batch;
  return goal;
}

/// The cache of a test, whose warnings are failures.
Cache cache_in(const test::TemporaryFolder& folder) {
  return {folder / "cache.json", [](const std::string& warning) { ADD_FAILURE() << warning; }};
}

TEST(TuneThroughAProcess, finds_the_largest_batch_and_answers_from_the_cache_the_next_time) {
  const SimDeviceFile file;  // T(b) = 1 ms + 0.1 ms · b, so that T(12) is 2·T(1) to the digit
  const test::TemporaryFolder folder;
  Cache cache = cache_in(folder);
  const Cancellation cancel;
  TuneGoal goal = exponential_to(64);
  goal.limits.latency = LatencyRatio{2.05};
  int recorded = 0;
  const TuneEvents events{{}, [&](const Record&) { ++recorded; }};

  Suite first(file.options(), LocalDevice{}, cache, cancel);
  const TunedWorkload measured = first.tune(tiny_request(), {}, goal, events);
  ASSERT_FALSE(measured.error) << measured.error->text();
  EXPECT_EQ(measured.answer.status, Status::found);
  EXPECT_EQ(measured.answer.batch(), 12);
  EXPECT_FALSE(measured.from_cache);
  EXPECT_EQ(static_cast<std::size_t>(recorded), measured.evidence.records().size());

  Suite second(file.options(), LocalDevice{}, cache, cancel);
  second.on_load = [] { ADD_FAILURE() << "a worker was started"; };
  const TunedWorkload remembered = second.tune(tiny_request(), {}, goal, {});
  EXPECT_TRUE(remembered.from_cache);
  EXPECT_EQ(remembered.answer.batch(), 12);
  EXPECT_EQ(remembered.evidence.records().size(), measured.evidence.records().size());
}

/// T(b) at length L = 1 ms + 0.1 ms · b · L / 100; halved by the dips given.
std::string with_length(const std::string& dips = "[]") {
  return R"({"size": {"name": "length", "standard": 100, "dips": )" + dips + "}}";
}

InputSizes lengths(std::int64_t largest, const std::vector<std::pair<std::int64_t, double>>& weighted) {
  InputSizes inputs{{{"length", largest}}, {}, "lengths"};
  for (const auto& [length, weight] : weighted) inputs.distribution.push_back({{{"length", length}}, weight});
  return inputs;
}

TEST(TuneThroughAProcess, measures_the_answer_at_each_input_of_a_distribution_once) {
  const SimDeviceFile file("[]", with_length());
  const test::TemporaryFolder folder;
  Cache cache = cache_in(folder);
  const Cancellation cancel;
  const InputSizes inputs = lengths(200, {{50, 3}, {100, 2}, {200, 1}});
  TuneGoal goal = exponential_to(64);
  goal.limits.latency = LatencyRatio{2.05};  // 1 ms + 0.2 ms · b against 2.46 ms: b = 7
  Suite first(file.options(), LocalDevice{}, cache, cancel);
  const TunedWorkload measured = first.tune(tiny_request(), inputs, goal, {});
  EXPECT_EQ(measured.answer.batch(), 7);
  EXPECT_EQ(measured.subject->workload.shape.at("length"), 200);
  ASSERT_TRUE(measured.distribution);
  ASSERT_EQ(measured.distribution->points.size(), 3U);
  const std::vector<double> expected{0.00135, 0.0017, 0.0024};
  for (std::size_t i = 0; i < 3; ++i) {
    const DistributionPoint& point = measured.distribution->points[i];
    EXPECT_EQ(point.input, inputs.distribution[i]);
    ASSERT_TRUE(point.observation);
    EXPECT_NEAR(point.observation->samples.front(), expected[i], 1e-9);
    EXPECT_EQ(point.subject->workload.shape, inputs.distribution[i].sizes);
  }

  Suite second(file.options(), LocalDevice{}, cache, cancel);
  second.on_load = [] { ADD_FAILURE() << "a worker was started"; };
  const TunedWorkload remembered = second.tune(tiny_request(), inputs, goal, {});
  EXPECT_TRUE(remembered.from_cache);
  EXPECT_EQ(remembered.probes, 0);
  ASSERT_EQ(remembered.distribution->points.size(), 3U);
  EXPECT_EQ(remembered.distribution->points[0].observation, measured.distribution->points[0].observation);
}

TEST(TuneThroughAProcess, an_input_that_crashes_the_worker_is_given_up_like_a_batch) {
  const test::TemporaryFolder folder;
  Cache cache = cache_in(folder);
  const Cancellation cancel;
  TuneGoal goal = exponential_to(7);
  goal.limits.latency = NoLimit{};  // 1, 2, 4, 7: the fifth probe is the first of length 50
  const SimDeviceFile crashing(R"([{"kind": "crash", "probe": 5}, {"kind": "crash", "probe": 6},
                                   {"kind": "crash", "probe": 7}])",
                               with_length());
  Suite suite(crashing.options(), LocalDevice{}, cache, cancel);
  const TunedWorkload tuned = suite.tune(tiny_request(), lengths(200, {{50, 1}, {100, 1}}), goal, {});
  EXPECT_EQ(tuned.answer.batch(), 7);
  ASSERT_EQ(tuned.distribution->points.size(), 2U);
  EXPECT_FALSE(tuned.distribution->points[0].observation);
  EXPECT_TRUE(tuned.distribution->points[1].observation);
}

TEST(TuneThroughAProcess, without_an_answer_no_other_input_is_measured) {
  const SimDeviceFile file("[]", with_length());
  const test::TemporaryFolder folder;
  Cache cache = cache_in(folder);
  const Cancellation cancel;
  TuneGoal goal = exponential_to(8);
  goal.limits.memory = OwnMemory{mebibyte};
  Suite suite(file.options(), LocalDevice{}, cache, cancel);
  const TunedWorkload tuned = suite.tune(tiny_request(), lengths(200, {{50, 1}}), goal, {});
  EXPECT_EQ(tuned.answer.status, Status::nothing_fits);
  EXPECT_TRUE(tuned.distribution->points.empty());
}

TEST(TuneThroughAProcess, replaces_a_worker_that_an_out_of_memory_left_leaking) {
  const SimDeviceFile leaky(R"([{"kind": "leaky", "batch": 16}])");
  const test::TemporaryFolder folder;
  Cache cache = cache_in(folder);
  const Cancellation cancel;
  TuneGoal goal = exponential_to(16);
  goal.limits = {OwnMemory{gibibyte}, NoLimit{}};
  Suite suite(leaky.options(), LocalDevice{}, cache, cancel);
  const TunedWorkload tuned = suite.tune(tiny_request(), {}, goal, {});
  EXPECT_EQ(tuned.answer.batch(), 15);
  for (const Batch batch : tuned.evidence.observed()) {
    const Observation* seen = tuned.evidence.observation(batch);
    if (batch == 16) continue;
    EXPECT_EQ(seen->memory.own(), 100 * mebibyte + batch * 4 * mebibyte) << batch;
  }
  EXPECT_EQ(tuned.evidence.observations(1).size(), 1U) << "the canary is no evidence";
}

/// 8 GiB with PyTorch's allocator and traces, 100 MiB of context and some 20 MiB an item; neighbours as
/// given.
SimDeviceFile shared_device(const std::string& neighbours) {
  return SimDeviceFile("[]", R"({"total_memory_bytes": 8589934592, "allocator": "caching",
    "capabilities": ["graph_timing", "memory_cap", "memory_trace", "peak_resets", "compare", "environment"],
    "program": [{"alloc": "a", "bytes_per_item": 3211264}, {"alloc": "b", "bytes_per_item": 12845056},
                {"free": "a"}, {"alloc": "w", "bytes": 1048576, "bytes_per_item": 700000}, {"free": "w"},
                {"alloc": "c", "bytes_per_item": 6422528}, {"free": "b"}], "neighbours": )" +
                                 neighbours + "}");
}

TunedWorkload tuned_under_90_percent(const SimDeviceFile& file) {
  const test::TemporaryFolder folder;
  Cache cache = cache_in(folder);
  const Cancellation cancel;
  TuneGoal goal;
  goal.max_batch = 1024;
  goal.limits.latency = NoLimit{};
  Suite suite(file.options(), LocalDevice{}, cache, cancel);
  return suite.tune(tiny_request(), {}, goal, {});
}

/// The largest batch whose own memory leaves a tenth of the device free beside others.
Batch largest_beside(const SimDeviceFile& file, Bytes others) {
  const auto device = sim::device_from_json(file.json()).value();
  sim::TrueLimits limits;
  limits.own_memory = static_cast<Bytes>(0.9 * static_cast<double>(device.total_memory)) - others;
  limits.max_batch = 1024;
  return sim::largest_passing(device, limits).value();
}

int out_of_memory_events(const TunedWorkload& tuned) {
  int events = 0;
  for (const Batch batch : tuned.evidence.observed()) {
    for (const Observation* seen : tuned.evidence.observations(batch)) {
      if (seen->outcome == Outcome::out_of_memory) ++events;
    }
  }
  return events;
}

TEST(BesideNeighbours,
     a_device_of_its_own_and_one_that_is_shared_from_the_start_are_filled_without_a_mishap) {
  for (const Bytes others : {Bytes{0}, 2 * gibibyte, 5 * gibibyte}) {
    const SimDeviceFile file = shared_device("[{\"bytes\": " + std::to_string(others) + "}]");
    const TunedWorkload tuned = tuned_under_90_percent(file);
    ASSERT_FALSE(tuned.error) << tuned.error->text();
    EXPECT_EQ(tuned.answer.batch(), largest_beside(file, others)) << tuned.answer.why;
    EXPECT_EQ(out_of_memory_events(tuned), 0);
  }
}

TEST(BesideNeighbours, one_that_grows_in_the_middle_moves_the_limit) {
  for (const int probe : {2, 3, 4, 5, 6}) {
    const SimDeviceFile file = shared_device(
        "[{\"bytes\": 1073741824}, {\"from_probe\": " + std::to_string(probe) + ", \"bytes\": 2147483648}]");
    const TunedWorkload tuned = tuned_under_90_percent(file);
    ASSERT_FALSE(tuned.error) << tuned.error->text();
    EXPECT_EQ(tuned.answer.batch(), largest_beside(file, 3 * gibibyte)) << probe << tuned.answer.why;
    EXPECT_EQ(tuned.environment.others, 3 * gibibyte);
    for (const Batch batch : tuned.evidence.observed()) {
      const Observation* seen = tuned.evidence.observation(batch);
      const bool grew_during_it = seen->conditions.others_before != seen->conditions.others_after;
      EXPECT_TRUE(seen->outcome == Outcome::measured || grew_during_it) << batch;
    }
  }
}

TEST(TuneThroughAProcess, is_cancelled_from_another_thread_in_the_middle_of_a_hang) {
  const SimDeviceFile file(R"([{"kind": "hang", "batch": 8}])");
  const test::TemporaryFolder folder;
  Cache cache = cache_in(folder);
  Cancellation cancel;
  std::atomic<bool> hangs = false;
  std::jthread raiser([&] {
    hangs.wait(false);
    cancel.raise();
  });
  const TuneEvents events{[&](const Probe& probe) {
                            if (batch_of(probe) != 8) return;
                            hangs = true;
                            hangs.notify_one();
                          },
                          {}};
  Suite suite(file.options(), LocalDevice{}, cache, cancel);
  const TunedWorkload tuned = suite.tune(tiny_request(), {}, exponential_to(8), events);
  EXPECT_EQ(tuned.answer.status, Status::interrupted);
  EXPECT_EQ(tuned.answer.batch(), 4);
  EXPECT_EQ(cache.load(*tuned.subject).observed(), (std::vector<Batch>{1, 2, 4}))
      << "what was measured is kept";
}

}  // namespace
}  // namespace batchfit
