// Searches under a memory limit alone on random allocation programs, against the truth of every batch.
//
//     simulated_memory [--programs N] [--seed S] [--changes]     → JSON for benchmarks/simulated_memory.py
//
// A program is a chain of tensors (constant and per-item parts, each living for some steps) with workspaces
// between them, run by the simulated device through PyTorch's allocator; --changes gives workspaces a batch
// from which on they are there, or are no more. The limit on own memory falls anywhere between batch 1 and
// the largest.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "search/answer.h"
#include "search/strategy.h"
#include "sim/simulator.h"
#include "sim/truth.h"

namespace batchfit {
namespace {

constexpr Batch max_batch = 600;
constexpr int most_probes = 200;

struct RandomProgram {
  sim::SimDevice device;
  Bytes limit = 0;
  Batch truth = 0;
};

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : bits_(seed) {}
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(bits_);
  }
  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(bits_) < p; }
  /// From 1 KiB to `most`, each size as likely as its double.
  Bytes size(Bytes most) {
    const double exponent = std::uniform_real_distribution<>(10, std::log2(static_cast<double>(most)))(bits_);
    return static_cast<Bytes>(std::exp2(exponent));
  }

 private:
  std::mt19937_64 bits_;
};

void add_workspace(sim::SimDevice& device, Draw& draw, int step, bool changes) {
  sim::ProgramStep workspace;
  workspace.block = fmt::format("w{}", step);
  workspace.bytes = draw.chance(0.5) ? draw.size(256 * mebibyte) : 0;
  workspace.bytes_per_item = draw.chance(0.8) ? draw.size(4 * mebibyte) : 0;
  if (workspace.bytes + workspace.bytes_per_item == 0) workspace.bytes = kibibyte;
  if (changes && draw.chance(0.15)) {
    const Batch at = draw.between(2, max_batch);
    if (draw.chance(0.5)) {
      workspace.from_batch = at;
    } else {
      workspace.until_batch = at;
    }
  }
  device.program.push_back(workspace);
  device.program.push_back({workspace.block, true, 0, 0, 1, {}});
}

RandomProgram random_program(std::uint64_t seed, bool changes) {
  Draw draw(seed);
  RandomProgram made;
  sim::SimDevice& device = made.device;
  device.allocator = sim::AllocatorRules::caching;
  device.total_memory = 80 * gibibyte;
  device.context = draw.between(300, 900) * mebibyte;
  device.weights = draw.size(4 * gibibyte);
  device.pieces = {{1, 1e-3, 1e-5}};
  std::map<int, std::vector<std::string>> ends;
  const auto steps = static_cast<int>(draw.between(5, 60));
  for (int step = 0; step < steps; ++step) {
    const std::string name = fmt::format("t{}", step);
    const Bytes constant = draw.chance(0.2) ? draw.size(32 * mebibyte) : 0;
    const Bytes an_item = draw.chance(0.9) || constant == 0 ? draw.size(8 * mebibyte) : 0;
    device.program.push_back({name, false, constant, an_item, 1, {}});
    ends[step + static_cast<int>(draw.between(1, 6))].push_back(name);
    if (draw.chance(0.3)) add_workspace(device, draw, step, changes);
    for (const std::string& ended : ends[step]) device.program.push_back({ended, true, 0, 0, 1, {}});
  }
  const Bytes least = sim::true_own_memory(device, 1);
  const Bytes most = sim::true_own_memory(device, max_batch);
  made.limit = draw.between(least, std::max(least, most));
  sim::TrueLimits limits;
  limits.own_memory = made.limit;
  limits.max_batch = max_batch;
  made.truth = sim::largest_passing(device, limits).value_or(0);
  return made;
}

/// A strategy, and whether the device rehearses what need not be run.
struct Searcher {
  const char* name;
  const char* strategy;
  bool rehearses;
};
constexpr Searcher searchers[] = {{"guided", "guided", true},
                                  {"guided, every batch run", "guided", false},
                                  {"exponential", "exponential", false}};

struct Found {
  Batch batch = 0;
  int probes = 0;
  int ooms = 0;
  double seconds = 0;  ///< spent in the strategy
};

Found search(const RandomProgram& made, const Searcher& searcher) {
  const Limits limits{OwnMemory{made.limit}, NoLimit{}};
  const Environment environment{made.device.total_memory, 0};
  const SearchSpace space{max_batch, Timing::graph, {}};
  const Strategy next = make_strategy(searcher.strategy, space).value();
  Found found;
  Evidence evidence;
  while (found.probes < most_probes) {
    const auto start = std::chrono::steady_clock::now();
    const Step step = next(evidence, limits, environment);
    found.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (const auto* done = std::get_if<Done>(&step)) {
      found.batch = answer(evidence, limits, environment, space, *done).batch().value_or(0);
      return found;
    }
    const auto& asked = std::get<Measure>(std::get<Probe>(step));
    const Batch batch = asked.batch;
    sim::ProbePlan plan;
    plan.rehearse = searcher.rehearses && asked.rehearse;
    plan.number = ++found.probes;
    const Observation seen = sim::measure(made.device, Timing::graph, batch, plan);
    if (seen.outcome == Outcome::out_of_memory) ++found.ooms;
    evidence.add(seen);
    if (seen.outcome != Outcome::out_of_memory)
      evidence.add(sim::trace_of(made.device, Timing::graph, batch));
  }
  return found;
}

struct Tally {
  int equal = 0;
  int above = 0;
  int ooms = 0;
  std::vector<int> probes;
  std::vector<double> short_of;  ///< of answers below the truth, the part that is missing
  double seconds = 0;
};

void count(Tally& tally, const RandomProgram& made, const Found& found) {
  tally.equal += found.batch == made.truth;
  tally.above += found.batch > made.truth;
  tally.ooms += found.ooms;
  tally.probes.push_back(found.probes);
  tally.seconds += found.seconds;
  if (found.batch < made.truth)
    tally.short_of.push_back(1 - static_cast<double>(found.batch) / static_cast<double>(made.truth));
}

nlohmann::json row_of(const std::string& strategy, Tally tally) {
  std::ranges::sort(tally.probes);
  double probes = 0;
  for (const int each : tally.probes) probes += each;
  return {{"strategy", strategy},
          {"programs", tally.probes.size()},
          {"equal", tally.equal},
          {"above", tally.above},
          {"furthest_short", tally.short_of.empty() ? 0 : std::ranges::max(tally.short_of)},
          {"ooms", tally.ooms},
          {"median_probes", tally.probes[tally.probes.size() / 2]},
          {"most_probes", tally.probes.back()},
          {"strategy_ms_a_probe", 1e3 * tally.seconds / probes}};
}

}  // namespace
}  // namespace batchfit

int main(int argc, char** argv) {
  using namespace batchfit;
  int programs = 2000;
  std::uint64_t seed = 1;
  bool changes = false;
  bool show = false;
  CLI::App app("Searches under a memory limit on random allocation programs");
  app.add_option("--programs", programs, "how many")->capture_default_str();
  app.add_option("--seed", seed, "of the first program")->capture_default_str();
  app.add_flag("--changes", changes, "workspaces that come or go at a batch");
  app.add_flag("--show", show, "name on stderr each program whose answer is not the truth");
  CLI11_PARSE(app, argc, argv);

  std::map<std::string, Tally> tallies;
  for (int i = 0; i < programs; ++i) {
    const std::uint64_t at = seed + static_cast<std::uint64_t>(i);
    const RandomProgram made = random_program(at, changes);
    for (const Searcher& searcher : searchers) {
      const Found found = search(made, searcher);
      count(tallies[searcher.name], made, found);
      if (show && found.batch != made.truth)
        fmt::print(stderr, "{} {}: {} instead of {}\n", searcher.name, at, found.batch, made.truth);
    }
  }
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& [strategy, tally] : tallies) rows.push_back(row_of(strategy, tally));
  fmt::print("{}\n", rows.dump(1));
}
