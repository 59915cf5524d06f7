#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "support/simulated_device.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests

constexpr Batch most = 64;
const Limits limits;  // 90 % of the device, 2x

/// A curve in steps: its value at each batch from 1 to `most`, never falling where the steps never do.
struct Curves {
  std::vector<Seconds> latency;
  std::vector<Bytes> memory;

  SimulatedDevice device() const {
    const auto at = [](Batch batch) {
      return static_cast<std::size_t>(std::clamp<Batch>(batch, 1, most) - 1);
    };
    return {[this, at](Batch batch) { return latency[at(batch)]; },
            [this, at](Batch batch) { return memory[at(batch)]; }};
  }
};

/// Steps of 0 to 12 % of batch 1's latency (so that the limit falls anywhere) and of up to 3 GiB; `dips` lets
/// both fall.
Curves any_curves(bool dips) {
  Curves curves;
  int latency = 100;  // per cent of batch 1's
  Bytes memory = *rc::gen::inRange<Bytes>(1, 80) * gibibyte;
  for (Batch batch = 1; batch <= most; ++batch) {
    curves.latency.push_back(latency * 1e-5);
    curves.memory.push_back(memory);
    latency = std::max(100, latency + *rc::gen::inRange(dips ? -8 : 0, 12));
    memory = std::max<Bytes>(gibibyte, memory + *rc::gen::inRange<Bytes>(dips ? -2 : 0, 3) * gibibyte);
  }
  return curves;
}

Strategy any_strategy(const SearchSpace& space) {
  return make_strategy(*rc::gen::elementOf(strategy_names()), space).value();
}

SearchSpace any_space() { return {*rc::gen::inRange<Batch>(1, most + 1), Timing::graph, {}}; }

/// The truth by definition; no strategy and no judge. A curve exactly on the limit passes: every pair is
/// within it.
Batch largest_within(const Curves& curves, Batch max_batch) {
  Batch best = 0;
  const SimulatedDevice device = curves.device();
  for (Batch batch = 1; batch <= max_batch; ++batch) {
    const bool fits = device.memory(batch) <= 0.9 * static_cast<double>(device.total);
    if (fits && device.latency(batch) <= 2 * device.latency(1)) best = batch;
  }
  return best;
}

RC_GTEST_PROP(Search, exponential_and_binary_equal_the_exhaustive_sweep_on_monotone_curves, ()) {
  const Curves curves = any_curves(false);
  const SearchSpace space = any_space();
  const Search swept = search(sweep(space), curves.device(), limits, space);
  RC_ASSERT(swept.answer.batch().value_or(0) == largest_within(curves, space.max_batch));
  for (const Strategy& strategy : {exponential(space), binary(space)}) {
    const Search made = search(strategy, curves.device(), limits, space);
    RC_ASSERT(made.answer.batch() == swept.answer.batch());
    RC_ASSERT(made.answer.status == swept.answer.status);
    const bool bounded = made.answer.batch() && *made.answer.batch() < space.max_batch;
    RC_ASSERT(made.answer.neighbour_judged == bounded);
  }
}

RC_GTEST_PROP(Search, a_sweep_finds_the_largest_batch_on_any_curve, ()) {
  const Curves curves = any_curves(true);
  const SearchSpace space = any_space();
  const Search swept = search(sweep(space), curves.device(), limits, space);
  const Batch largest = largest_within(curves, 1) == 0 ? 0 : largest_within(curves, space.max_batch);
  RC_ASSERT(swept.answer.batch().value_or(0) == largest);
}

RC_GTEST_PROP(Search, whatever_is_answered_passes_and_its_neighbour_was_judged, ()) {
  const Curves curves = any_curves(true);
  const SearchSpace space = any_space();
  const Search made = search(any_strategy(space), curves.device(), limits, space);
  if (!made.answer.best) return;
  const SimulatedDevice device = curves.device();
  const Batch batch = *made.answer.batch();
  RC_ASSERT(device.memory(batch) <= 0.9 * static_cast<double>(device.total));
  RC_ASSERT(device.latency(batch) <= 2 * device.latency(1));
  RC_ASSERT(batch == space.max_batch || made.answer.neighbour_judged);
}

RC_GTEST_PROP(Search,
              it_ends_within_its_bound_and_measures_no_batch_but_the_canary_twice_or_beyond_the_largest, ()) {
  const Curves curves = any_curves(true);
  const SearchSpace space = any_space();
  const std::string name = *rc::gen::elementOf(strategy_names());
  const Search made = search(make_strategy(name, space).value(), curves.device(), limits, space);
  std::vector<Batch> measured;
  for (const Probe& probe : made.probes) {
    RC_ASSERT(batch_of(probe) >= 1);
    RC_ASSERT(batch_of(probe) <= space.max_batch);
    if (const auto* measure = std::get_if<Measure>(&probe)) measured.push_back(measure->batch);
  }
  if (measured.size() > 1 && measured.back() == 1) measured.pop_back();  // the canary
  const auto count = static_cast<int>(measured.size());
  std::sort(measured.begin(), measured.end());
  RC_ASSERT(std::adjacent_find(measured.begin(), measured.end()) == measured.end());
  // Doubling to the first that fails, then halving what lies between: log2 each. A bisection from above: the
  // ends and log2.
  const int doublings = std::bit_width(static_cast<unsigned>(space.max_batch));
  const int bound = name == "exponential" ? 2 * doublings
                    : name == "binary"    ? doublings + 2
                                          : static_cast<int>(most);
  RC_ASSERT(count <= bound);
}

RC_GTEST_PROP(Search,
              a_run_resumed_from_any_prefix_of_its_records_ends_with_the_same_answer_and_no_probe_twice, ()) {
  const Curves curves = any_curves(true);
  const SearchSpace space = any_space();
  const Strategy strategy = any_strategy(space);
  SimulatedDevice device = curves.device();
  device.noise = *rc::gen::elementOf(std::vector<double>{0, 0.01});
  const Search whole = search(strategy, device, limits, space);
  const auto records = whole.evidence.records();
  const auto kept = *rc::gen::inRange<std::size_t>(0, records.size() + 1);
  Evidence prefix;
  for (std::size_t i = 0; i < kept; ++i) prefix.add(records[i]);
  const Search resumed = search(strategy, device, limits, space, prefix);
  RC_ASSERT(resumed.probes ==
            std::vector<Probe>(whole.probes.begin() + static_cast<std::ptrdiff_t>(kept), whole.probes.end()));
  RC_ASSERT(resumed.answer.batch() == whole.answer.batch());
  RC_ASSERT(resumed.answer.why == whole.answer.why);
}

RC_GTEST_PROP(Search, other_memory_limits_on_a_swept_device_need_no_probe, ()) {
  const Curves curves = any_curves(true);
  const SearchSpace space{most, Timing::graph, {}};
  const Limits own{OwnMemory{80 * gibibyte}, NoLimit{}};
  const Search swept = search(sweep(space), curves.device(), own, space);
  const Limits other{OwnMemory{*rc::gen::inRange<Bytes>(1, 80) * gibibyte}, NoLimit{}};
  RC_ASSERT(search(sweep(space), curves.device(), other, space, swept.evidence).probes.empty());
}

RC_GTEST_PROP(Search, other_latency_limits_on_a_swept_device_only_compare_what_is_close_to_them, ()) {
  const Curves curves = any_curves(true);
  const SearchSpace space{most, Timing::graph, {}};
  const Search swept = search(sweep(space), curves.device(), {MemoryShare{}, NoLimit{}}, space);
  const double ratio = 1 + *rc::gen::inRange(0, 400) / 100.0;
  const SimulatedDevice device = curves.device();
  for (const Probe& probe :
       search(sweep(space), device, {MemoryShare{}, LatencyRatio{ratio}}, space, swept.evidence).probes) {
    RC_ASSERT(std::holds_alternative<Compare>(probe));
    const double off = device.latency(batch_of(probe)) / device.latency(1) / ratio;
    RC_ASSERT(std::abs(std::log(off)) <= space.rules.far_graph);
  }
}

RC_GTEST_PROP(Search, a_strategy_says_the_same_of_the_same_evidence, ()) {
  const Curves curves = any_curves(true);
  const SearchSpace space = any_space();
  const Strategy strategy = any_strategy(space);
  const Strategy copy = strategy;
  Evidence evidence;
  const SimulatedDevice device = curves.device();
  for (int i = 0;; ++i) {
    const Step step = strategy(evidence, limits, device.environment());
    RC_ASSERT(strategy(evidence, limits, device.environment()) == step);
    RC_ASSERT(copy(Evidence(evidence), limits, device.environment()) == step);
    if (std::holds_alternative<Done>(step)) break;
    evidence.add(device.run(std::get<Probe>(step), i));
  }
}

RC_GTEST_PROP(Search, it_ends_whatever_crashes_and_however_noisy_it_is, ()) {
  const Curves curves = any_curves(true);
  const SearchSpace space = any_space();
  const auto hostile = *rc::gen::container<std::vector<bool>>(most + 1, rc::gen::arbitrary<bool>());
  SimulatedDevice device = curves.device();
  device.noise = *rc::gen::elementOf(std::vector<double>{0, 0.01, 0.3});
  device.crashes = [&](Batch batch) { return hostile[static_cast<std::size_t>(batch)]; };
  const Limits any{MemoryShare{}, *rc::gen::element<decltype(Limits::latency)>(
                                      LatencyRatio{2}, LatencyBound{0.002}, NoLimit{})};
  const int most_probes = static_cast<int>(most) * (space.rules.most_tries + space.rules.most_pairs / 7 + 1);
  const Search made = search(any_strategy(space), device, any, space, {}, most_probes);
  // A batch costs its tries and at most as many probes as it takes pairs or samples to the cap.
  RC_ASSERT(static_cast<int>(made.probes.size()) <= most_probes);
}

TEST(Search, its_canary_finds_a_drift_that_solo_samples_do_not_show) {
  SimulatedDevice device;
  device.latency = [](Batch batch) {
    return std::array{1.0, 1.5, 1.92, 2.4, 3.0}[std::min<std::size_t>(batch, 5) - 1];
  };
  device.memory = [](Batch) { return gibibyte; };
  device.slowdown = [](int probe, int) { return probe == 0 ? 1.0 : 1.12; };
  SearchSpace space{8, Timing::graph, {}};
  space.rules.most_pair_seconds = 1e9;  // the passes take seconds
  for (const std::string& name : strategy_names()) {
    const Search made = search(make_strategy(name, space).value(), device, Limits{}, space);
    EXPECT_EQ(made.answer.batch(), 3) << name << ": at the second probe's pace batch 3 seems to fail";
    EXPECT_NEAR(made.answer.drift.value(), 0.12, 1e-9) << name;
  }
  const Search blind = search(exponential(space), device, Limits{}, space);
  EXPECT_EQ(blind.answer.batch(), 2) << "the canary is what finds it";
}

TEST(Search, it_ends_with_a_canary_only_where_its_answer_rests_on_solo_samples) {
  SimulatedDevice device;
  device.latency = [](Batch batch) { return 1 + 0.001 * static_cast<double>(batch - 1); };
  device.memory = [](Batch) { return gibibyte; };
  const SearchSpace space{4, Timing::graph, {}};
  const Search alone = search(make_strategy("exponential", space).value(), device, Limits{}, space);
  EXPECT_EQ(alone.probes.back(), Probe(Measure{1, space.rules.few_samples}));
  const Limits no_latency{MemoryShare{}, NoLimit{}};
  const Search memory_only = search(make_strategy("exponential", space).value(), device, no_latency, space);
  EXPECT_EQ(batch_of(memory_only.probes.back()), 4);
}

TEST(Search, under_eager_timing_the_neighbour_of_the_answer_is_run_as_well_as_rehearsed) {
  SimulatedDevice device;
  device.latency = [](Batch batch) { return 0.001 * static_cast<double>(batch); };
  device.memory = [](Batch batch) { return batch * gibibyte; };
  device.rehearses = true;
  const Limits ten{OwnMemory{10 * gibibyte}, NoLimit{}};
  for (const Timing timing : {Timing::graph, Timing::eager}) {
    const SearchSpace space{most, timing, {}};
    const Search made = search(guided(space), device, ten, space);
    EXPECT_EQ(made.answer.batch(), 10);
    std::vector<Batch> run;
    for (const Probe& probe : made.probes) {
      if (!std::get<Measure>(probe).rehearse) run.push_back(batch_of(probe));
    }
    EXPECT_EQ(run, (timing == Timing::eager ? std::vector<Batch>{1, 10, 11} : std::vector<Batch>{1, 10}));
  }
}

TEST(Search, a_rehearsal_is_no_evidence_of_latency) {
  SimulatedDevice device;
  device.latency = [](Batch batch) { return 0.001 * static_cast<double>(batch); };
  device.memory = [](Batch batch) { return batch * gibibyte; };
  device.rehearses = true;
  const SearchSpace space{most, Timing::graph, {}};
  const Search memory_alone = search(guided(space), device, {OwnMemory{10 * gibibyte}, NoLimit{}}, space);
  const Search then = search(guided(space), device, {OwnMemory{10 * gibibyte}, LatencyRatio{4.5}}, space,
                             memory_alone.evidence);
  EXPECT_EQ(then.answer.batch(), 4);
  for (const Ruling& ruling : then.answer.undecided) ADD_FAILURE() << "undecided: " << ruling.batch;
}

TEST(Search, a_look_ahead_that_only_crashes_is_given_up) {
  SimulatedDevice device{[](Batch batch) { return 0.001 * (0.95 + 0.05 * static_cast<double>(batch)); },
                         [](Batch) { return gibibyte; }};
  device.crashes = [](Batch batch) { return batch > 22; };
  const SearchSpace space{most, Timing::graph, {}};
  const Search made = search(guided(space), device, limits, space, {}, 100);
  EXPECT_EQ(made.answer.batch(), 21);
  EXPECT_TRUE(
      std::any_of(made.probes.begin(), made.probes.end(), [](const Probe& p) { return batch_of(p) > 22; }));
}

}  // namespace
}  // namespace batchfit
