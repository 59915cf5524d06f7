#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "sim/device.h"
#include "sim/simulator.h"
#include "sim/truth.h"

namespace batchfit::sim {
namespace {

SimDevice shipped(const std::string& name) {
  const auto text = read_file(std::filesystem::path(SIM_DEVICES) / (name + ".json"));
  const auto json = parse_json(text.value());
  auto device = device_from_json(json.value());
  EXPECT_TRUE(device) << device.error().text();
  return std::move(device).value();
}

ProbePlan plan_of(std::int64_t samples) {
  ProbePlan plan;
  plan.min_samples = samples;
  plan.max_samples = samples;
  return plan;
}

double median(std::vector<double> samples) {
  std::nth_element(samples.begin(), samples.begin() + std::ssize(samples) / 2, samples.end());
  return samples[samples.size() / 2];
}

class Shipped : public testing::TestWithParam<const char*> {};

TEST_P(Shipped, memory_and_latency_agree_with_the_independent_truth) {
  SimDevice device = shipped(GetParam());
  device.throttling.clear();
  device.neighbours.clear();
  device.drift_per_probe = 0;
  for (const Batch batch : {1, 2, 7, 8, 10, 11, 12, 13, 48, 64, 128, 129}) {
    for (const Timing timing : {Timing::graph, Timing::eager}) {
      const Observation seen = measure(device, timing, batch, plan_of(2001));
      if (seen.outcome == Outcome::out_of_memory) {
        EXPECT_GT(true_own_memory(device, batch), device.total_memory) << batch;
        continue;
      }
      EXPECT_EQ(seen.memory.own(), true_own_memory(device, batch)) << batch;
      const double sigma = timing == Timing::graph ? device.noise.graph : device.noise.eager;
      // The median of 2001 lognormal samples has a standard error of 1.25 sigma / sqrt(2001) = 0.028 sigma.
      EXPECT_NEAR(median(seen.samples) / true_latency(device, batch, timing), 1, 0.15 * sigma) << batch;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Shipped,
                         testing::Values("resnet-like", "llm-like", "noisy", "throttling", "crowded",
                                         "hostile", "caching"));

TEST(SimDevice, at_another_size_what_grows_with_the_batch_grows_with_the_size) {
  SimDevice device = shipped("resnet-like");
  device.size = NamedSize{"length", 128, {{100, 0.5}}};
  ASSERT_TRUE(at_size(device, 256));
  const auto double_size = *at_size(device, 256);
  EXPECT_DOUBLE_EQ(true_latency(double_size, 1, Timing::graph) - true_latency(device, 1, Timing::graph),
                   device.pieces.front().per_item);
  EXPECT_EQ(double_size.program.front().bytes_per_item, 2 * device.program.front().bytes_per_item);
  const auto standard = *at_size(device, 128);
  EXPECT_EQ(true_own_memory(standard, 7), true_own_memory(device, 7));
  EXPECT_LT(true_latency(*at_size(device, 200), 4, Timing::graph),
            true_latency(*at_size(device, 199), 4, Timing::graph))
      << "200 is a multiple of 100, whose factor is 0.5";
}

TEST(SimDevice, has_no_size_that_it_cannot_hold) {
  SimDevice device = shipped("resnet-like");
  EXPECT_FALSE(at_size(device, 1)) << "it has no named size";
  device.size = NamedSize{"length", 1, {}};
  for (const std::int64_t size :
       {std::int64_t{0}, std::int64_t{-4}, std::int64_t{1} << 40, std::int64_t{1} << 25})
    EXPECT_FALSE(at_size(device, size)) << size;
}

TEST(SimDevice, the_same_probe_gives_the_same_record_and_the_next_another) {
  const SimDevice device = shipped("resnet-like");
  ProbePlan plan = plan_of(10);
  const Observation first = measure(device, Timing::graph, 8, plan);
  EXPECT_EQ(measure(device, Timing::graph, 8, plan), first);
  ++plan.number;
  EXPECT_NE(measure(device, Timing::graph, 8, plan).samples, first.samples);
}

TEST(SimDevice, one_byte_less_than_a_pass_needs_is_out_of_memory) {
  const SimDevice device = shipped("resnet-like");
  ProbePlan plan = plan_of(1);
  plan.cap = true_own_memory(device, 8);
  EXPECT_EQ(measure(device, Timing::graph, 8, plan).outcome, Outcome::measured);
  plan.cap = *plan.cap - 1;
  const Observation seen = measure(device, Timing::graph, 8, plan);
  EXPECT_EQ(seen.outcome, Outcome::out_of_memory);
  EXPECT_EQ(seen.cap, allocator_peaks(device, Timing::graph, 8).reserved - 1);
  EXPECT_FALSE(seen.memory.own());
}

TEST(SimDevice, a_workspace_comes_and_goes_with_the_batch) {
  const SimDevice device = shipped("caching");
  const auto workspace_of = [&](Batch batch) {
    const AllocationTrace trace = trace_of(device, Timing::graph, batch);
    EXPECT_EQ(trace.reserved_peak + device.context, true_own_memory(device, batch));
    return std::ssize(trace.events);
  };
  EXPECT_EQ(workspace_of(47), 10);
  EXPECT_EQ(workspace_of(48), 12);
  EXPECT_EQ(workspace_of(159), 12);
  EXPECT_EQ(workspace_of(160), 10);
  EXPECT_GT(true_own_memory(device, 159), true_own_memory(device, 160)) << "memory is not monotone";
}

TEST(SimDevice, at_the_cap_an_eager_pass_releases_and_retries_where_a_capture_fails) {
  SimDevice device = shipped("caching");
  device.program = {
      {"a", false, 30 * mebibyte, 0, 1, {}}, {"a", true, 0, 0, 1, {}}, {"b", false, 40 * mebibyte, 0, 1, {}}};
  const Bytes cap = 150 * mebibyte;  // 100 MiB of weights and either of them
  EXPECT_FALSE(allocator_peaks(device, Timing::graph, 1, cap).fits);
  const AllocatorPeaks eager = allocator_peaks(device, Timing::eager, 1, cap);
  EXPECT_TRUE(eager.fits);
  EXPECT_EQ(eager.retries, 1);
  EXPECT_EQ(eager.reserved, 140 * mebibyte);
}

TEST(SimDevice, a_hot_device_is_slow_and_says_so) {
  const SimDevice device = shipped("throttling");
  ProbePlan plan = plan_of(101);
  const Observation cool = measure(device, Timing::graph, 8, plan);
  plan.number = 4;
  const Observation hot = measure(device, Timing::graph, 8, plan);
  EXPECT_FALSE(cool.conditions.throttled());
  EXPECT_TRUE(hot.conditions.throttled());
  EXPECT_NEAR(median(hot.samples) / median(cool.samples), 1.35, 0.02);
}

TEST(SimDevice, neighbours_come_and_go) {
  const SimDevice device = shipped("crowded");
  EXPECT_EQ(others_after(device, 0), 5 * gibibyte);
  EXPECT_EQ(others_after(device, 5), 7 * gibibyte);
  EXPECT_EQ(others_after(device, 9), 5 * gibibyte);
  ProbePlan plan = plan_of(1);
  const Batch batch = 256;  // fits beside the first neighbour, not beside both
  EXPECT_EQ(measure(device, Timing::graph, batch, plan).outcome, Outcome::measured);
  plan.number = 5;
  EXPECT_EQ(measure(device, Timing::graph, batch, plan).outcome, Outcome::out_of_memory);
}

TEST(SimDevice, what_binds_is_as_each_file_says) {
  TrueLimits limits;
  limits.latency_ratio = 2;
  const SimDevice resnet = shipped("resnet-like");
  limits.own_memory = resnet.total_memory * 9 / 10;
  const auto by_latency = largest_passing(resnet, limits);
  ASSERT_TRUE(by_latency);
  EXPECT_GT(true_latency(resnet, *by_latency + 1, Timing::graph), 2 * true_latency(resnet, 1, Timing::graph));
  const SimDevice llm = shipped("llm-like");
  limits.own_memory = llm.total_memory * 9 / 10;
  const auto by_memory = largest_passing(llm, limits);
  ASSERT_TRUE(by_memory);
  EXPECT_GT(true_own_memory(llm, *by_memory + 1), limits.own_memory);
  limits.own_memory = 1;
  EXPECT_FALSE(largest_passing(llm, limits));
}

TEST(SimFile, that_makes_no_sense_is_an_error_that_names_the_field) {
  const Json good =
      parse_json(read_file(std::filesystem::path(SIM_DEVICES) / "hostile.json").value()).value();
  const std::vector<std::pair<Json, std::string>> changes = {
      {{{"op", "replace"}, {"path", "/version"}, {"value", 2}}, "version 1"},
      {{{"op", "remove"}, {"path", "/latency"}}, "'latency'"},
      {{{"op", "replace"}, {"path", "/total_memory_bytes"}, {"value", -1}}, "'total_memory_bytes'"},
      {{{"op", "replace"}, {"path", "/latency/pieces/0/from"}, {"value", 2}}, "batch 1"},
      {{{"op", "replace"}, {"path", "/latency/pieces/1/from"}, {"value", 0}}, "'from'"},
      {{{"op", "add"}, {"path", "/program/0"}, {"value", {{"free", "nothing"}}}}, "'nothing'"},
      {{{"op", "replace"}, {"path", "/weights_bytes"}, {"value", 1LL << 60}}, "'weights_bytes'"},
      {{{"op", "replace"}, {"path", "/noise"}, {"value", {{"graph", 3}}}}, "noise"},
  };
  for (const auto& [change, message] : changes) {
    const auto device = device_from_json(good.patch(Json::array({change})));
    ASSERT_FALSE(device) << change;
    EXPECT_NE(device.error().message.find(message), std::string::npos) << device.error().message;
  }
}

}  // namespace
}  // namespace batchfit::sim
