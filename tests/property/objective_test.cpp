#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "support/simulated_device.h"

// Searches for other objectives than the largest batch, on curves in steps.

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests

constexpr Batch most = 64;
// Of the grid's batches each is at most this many times the one before, but for 1, 2, 3 and 4.
constexpr double grid_step = 1.5;
constexpr double repeats = 0.005;

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

/// Latency never falls; it grows by 0 to 12 % of batch 1's an item.
Curves rising_curves() {
  Curves curves;
  int latency = 100;  // per cent of batch 1's
  for (Batch batch = 1; batch <= most; ++batch) {
    curves.latency.push_back(latency * 1e-5);
    curves.memory.push_back(gibibyte + batch * 300 * mebibyte);
    latency += *rc::gen::inRange(0, 12);
  }
  return curves;
}

Limits any_limits() {
  Limits limits;
  limits.latency = LatencyRatio{1 + *rc::gen::inRange(1, 60) / 4.0};
  return limits;
}

SearchSpace space_for(Goal goal) {
  SearchSpace space{most, Timing::graph, {}};
  space.objective.goal = goal;
  return space;
}

Goal any_goal() { return *rc::gen::elementOf(std::vector<Goal>(goals.begin(), goals.end())); }

RC_GTEST_PROP(Objectives, the_throughput_that_is_found_is_the_best_but_for_a_step_of_the_grid, ()) {
  const Curves curves = rising_curves();
  const Limits limits = any_limits();
  const SearchSpace space = space_for(Goal::throughput);
  const Search found = search(make_strategy("guided", space).value(), curves.device(), limits, space);
  RC_ASSERT(found.answer.best.has_value());
  const SimulatedDevice device = curves.device();
  const auto rate = [&](Batch batch) { return static_cast<double>(batch) / device.latency(batch); };
  double best = 0;
  for (Batch batch = 1; batch <= found.answer.largest->batch; ++batch) best = std::max(best, rate(batch));
  RC_ASSERT(rate(*found.answer.batch()) >= best / grid_step * (1 - repeats));
}

RC_GTEST_PROP(Objectives, whatever_the_objective_the_answer_passes_and_the_largest_is_the_same, ()) {
  const Curves curves = rising_curves();
  const Limits limits = any_limits();
  const SearchSpace plain = space_for(Goal::largest);
  const SearchSpace space = space_for(any_goal());
  const std::string strategy = *rc::gen::elementOf(strategy_names());
  const Search largest = search(make_strategy(strategy, plain).value(), curves.device(), limits, plain);
  const Search found = search(make_strategy(strategy, space).value(), curves.device(), limits, space);
  RC_ASSERT(found.answer.largest->batch == largest.answer.largest->batch);
  RC_ASSERT(found.answer.best->passes());
  RC_ASSERT(found.answer.best->batch <= found.answer.largest->batch);
  for (const Probe& probe : found.probes) RC_ASSERT(batch_of(probe) <= most);
}

RC_GTEST_PROP(Objectives, after_one_objective_another_is_answered_without_a_probe, ()) {
  const Curves curves = rising_curves();
  const Limits limits = any_limits();
  const SearchSpace space = space_for(any_goal());
  const Search first = search(make_strategy("guided", space).value(), curves.device(), limits, space);
  SearchSpace next = space_for(any_goal());
  next.explore = false;
  const Search second =
      search(make_strategy("guided", next).value(), curves.device(), limits, next, first.evidence);
  RC_ASSERT(second.probes.empty());
  RC_ASSERT(second.answer.best.has_value());
}

RC_GTEST_PROP(Objectives, a_device_that_never_tells_its_energy_is_not_asked_for_ever, ()) {
  const Curves curves = rising_curves();
  const Limits limits = any_limits();
  SearchSpace space = space_for(Goal::energy);
  space.energy = true;
  const Search found =
      search(make_strategy("guided", space).value(), curves.device(), limits, space, {}, 1000);
  RC_ASSERT(found.answer.best.has_value());
  RC_ASSERT(found.answer.best->batch == found.answer.largest->batch);
}

}  // namespace
}  // namespace batchfit
