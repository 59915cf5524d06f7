// Strategies beside each other on random simulated devices, by the judge that all share.
//
//     strategies [--devices N] [--seed S] [--noise SHARE]
//     strategies --decisions N
//
// Both print JSON, for benchmarks/strategies.py. The second judges a batch 1 % over the limit and one 1 %
// under it N times each.
//
// Device seconds are those of passes: each probe pays a warm-up pass, an untimed one and its samples; each
// pair pays two timed and two untimed passes. Captures and kernel loading, which cost a GPU some 0.1-0.2 s a
// probe, are not in them: the number of probes says how often they are paid.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "support/simulated_device.h"

namespace batchfit {
namespace {

constexpr Batch max_batch = 512;
constexpr int most_probes = 5'000;

struct RandomDevice {
  test::SimulatedDevice device;
  Batch truth = 1;  ///< the largest batch to max_batch whose true latency is within the limit
};

/// A launch floor, a linear part, waves every few items, dips at multiples of 8; noise to 5 %, a slow drift,
/// and on some a stretch of probes that a throttled clock slows.
RandomDevice random_device(std::uint64_t seed, double most_noise) {
  std::mt19937_64 bits(seed);
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<>(low, high)(bits);
  };
  const double floor = 1e-3 * std::exp(uniform(-1, 1.5));
  const double slope = floor * std::exp(uniform(std::log(0.005), std::log(0.5)));
  const auto wave = static_cast<Batch>(uniform(1, 17));
  const double step = uniform(0, 1) * slope * static_cast<double>(wave);
  const double dip = uniform(0, 1) < 0.5 ? 1.0 : uniform(0.9, 1.0);
  const double drift = uniform(-2e-4, 2e-4);
  const int throttled_from = uniform(0, 1) < 0.3 ? static_cast<int>(uniform(1, 12)) : 1 << 30;
  const double throttle = uniform(1.05, 1.3);

  RandomDevice made;
  made.device.latency = [=](Batch batch) {
    const auto b = static_cast<double>(batch);
    const double waves = std::ceil(b / static_cast<double>(wave));
    const double smooth = floor + slope * (b - 1) * 0.5 + step * (waves - 1);
    return batch % 8 == 0 ? smooth * dip : smooth;
  };
  made.device.memory = [](Batch batch) { return gibibyte + batch * 8 * mebibyte; };
  made.device.noise = most_noise * uniform(0, 1) * uniform(0, 1);
  made.device.seed = seed;
  made.device.throttled = [=](int probe) { return probe >= throttled_from && probe < throttled_from + 3; };
  made.device.slowdown = [=, throttled = made.device.throttled](int probe, int) {
    return (1 + drift * probe) * (throttled(probe) ? throttle : 1);
  };
  for (Batch batch = 1; batch <= max_batch; ++batch) {
    if (made.device.latency(batch) <= 2 * made.device.latency(1)) made.truth = batch;
  }
  return made;
}

Seconds device_seconds(const Record& record) {
  Seconds seconds = 0;
  if (const auto* seen = std::get_if<Observation>(&record)) {
    for (const Seconds sample : seen->samples) seconds += sample;
    if (!seen->samples.empty()) seconds += 2 * seen->samples.front();
  } else if (const auto* pairs = std::get_if<Comparison>(&record)) {
    for (const Comparison::Pair& pair : pairs->pairs) seconds += 2 * (pair.reference + pair.candidate);
  }
  return seconds;
}

Seconds device_seconds(const Evidence& evidence) {
  Seconds seconds = 0;
  for (const Record& record : evidence.records()) seconds += device_seconds(record);
  return seconds;
}

struct Tally {
  std::vector<double> seconds;  ///< of each device, in the order of the devices
  std::vector<double> probes;
  int exact = 0;                ///< the true largest batch
  int missed = 0;               ///< a decided answer that is smaller: the curve dips back further up
  int open = 0;                 ///< an undecided batch stands above the answer
  int false_pass = 0;           ///< the answer breaks the limit
  int false_fail = 0;           ///< the neighbour, said to fail, would pass
  int larger = 0;               ///< whatever was answered: a larger batch would pass
  std::vector<double> margins;  ///< of the true latency of batches left open, from the limit
  Seconds solo = 0;             ///< device seconds of all devices, by what they went to
  Seconds pairs = 0;
  int unfinished = 0;
};

void count(Tally& tally, const RandomDevice& made, const test::Search& found) {
  tally.seconds.push_back(device_seconds(found.evidence));
  tally.probes.push_back(static_cast<double>(found.probes.size()));
  if (!found.answer.best) {
    ++tally.unfinished;
    return;
  }
  const Seconds limit = 2 * made.device.latency(1);
  const Batch batch = found.answer.best->batch;
  tally.larger += batch < made.truth;
  for (const Record& record : found.evidence.records()) {
    (std::holds_alternative<Observation>(record) ? tally.solo : tally.pairs) += device_seconds(record);
  }
  const bool breaks = made.device.latency(batch) > limit;
  const auto& next = found.answer.next;
  const bool wrongly_failed =
      next && next->verdict == Verdict::fail && made.device.latency(next->batch) <= limit;
  tally.false_pass += breaks;
  tally.false_fail += wrongly_failed;
  // Only what the search gave up on: a batch that it never compared was none of its business.
  const auto given_up = [](const Ruling& ruling) { return !ruling.wants; };
  const auto& undecided = found.answer.undecided;
  for (const Ruling& ruling : undecided) {
    if (given_up(ruling)) tally.margins.push_back(std::abs(1 - made.device.latency(ruling.batch) / limit));
  }
  if (std::any_of(undecided.begin(), undecided.end(), given_up)) {
    ++tally.open;
  } else if (batch == made.truth) {
    ++tally.exact;
  } else if (!breaks && !wrongly_failed) {
    ++tally.missed;
  }
}

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// Median over the devices of one strategy's seconds divided by another's.
double median_ratio(const Tally& of, const Tally& to) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < of.seconds.size(); ++i) ratios.push_back(of.seconds[i] / to.seconds[i]);
  return median_of(ratios);
}

/// Decisions on batch 2 of a device where it takes `share` of the limit, each with noise of its own.
nlohmann::json decisions(double share, double noise, int times) {
  int passes = 0;
  int fails = 0;
  const SearchSpace space{2, Timing::graph, {}};
  for (int i = 0; i < times; ++i) {
    test::SimulatedDevice device{[=](Batch batch) { return batch == 1 ? 0.001 : 0.002 * share; },
                                 [](Batch) { return gibibyte; }};
    device.noise = noise;
    device.seed = static_cast<std::uint64_t>(i) + 1;
    const test::Search made = test::search(sweep(space), device, Limits{}, space);
    const Ruling ruling = judge(made.evidence, 2, Limits{}, device.environment(), space.timing, space.rules);
    passes += ruling.verdict == Verdict::pass;
    fails += ruling.verdict == Verdict::fail;
  }
  return {{"share", share},   {"noise", noise}, {"decisions", times},
          {"passes", passes}, {"fails", fails}, {"undecided", times - passes - fails}};
}

nlohmann::json all_decisions(int times) {
  nlohmann::json rows = nlohmann::json::array();
  for (const double noise : {0.002, 0.005, 0.01, 0.02, 0.05}) {
    for (const double share : {1.01, 0.99}) rows.push_back(decisions(share, noise, times));
  }
  return rows;
}

}  // namespace
}  // namespace batchfit

int main(int argc, char** argv) {
  using namespace batchfit;
  int devices = 1000;
  std::uint64_t seed = 1;
  double noise = 0.05;
  CLI::App app("Compares the strategies on random simulated devices");
  app.add_option("--devices", devices, "how many")->capture_default_str();
  app.add_option("--seed", seed, "of the first device")->capture_default_str();
  app.add_option("--noise", noise, "largest relative noise of a sample")->capture_default_str();
  int times = 0;
  app.add_option("--decisions", times, "instead: judge a batch 1 % beside the limit so often at each noise");
  CLI11_PARSE(app, argc, argv);
  if (times > 0) {
    fmt::print("{}\n", all_decisions(times).dump(1));
    return 0;
  }

  SearchSpace space{max_batch, Timing::graph, JudgeRules{}};
  SearchSpace no_look_ahead = space;
  no_look_ahead.look_ahead = false;
  const std::vector<std::pair<std::string, Strategy>> strategies{
      {"binary", watched(binary(space), space)},
      {"exponential", watched(exponential(space), space)},
      {"guided", watched(guided(space), space)},
      {"guided, no look-ahead", watched(guided(no_look_ahead), space)}};
  std::map<std::string, Tally> tallies;
  for (int i = 0; i < devices; ++i) {
    const RandomDevice made = random_device(seed + static_cast<std::uint64_t>(i), noise);
    for (const auto& [name, strategy] : strategies) {
      count(tallies[name], made, test::search(strategy, made.device, Limits{}, space, {}, most_probes));
    }
  }
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& [name, strategy] : strategies) {
    const Tally& tally = tallies[name];
    rows.push_back({{"strategy", name},
                    {"devices", devices},
                    {"probes", median_of(tally.probes)},
                    {"device_s", median_of(tally.seconds)},
                    {"to_exponential", median_ratio(tally, tallies["exponential"])},
                    {"to_binary", median_ratio(tally, tallies["binary"])},
                    {"exact", tally.exact},
                    {"missed", tally.missed},
                    {"undecided", tally.open},
                    {"undecided_margin", median_of(tally.margins)},
                    {"larger", tally.larger},
                    {"pairs_share", tally.pairs / (tally.pairs + tally.solo)},
                    {"false_pass", tally.false_pass},
                    {"false_fail", tally.false_fail},
                    {"unfinished", tally.unfinished}});
  }
  fmt::print("{}\n", rows.dump(1));
}
