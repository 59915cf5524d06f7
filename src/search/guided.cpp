#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "facts/summary.h"
#include "search/strategy.h"

namespace batchfit {
namespace {

// No step goes further than this beyond the largest batch that ran: a curve known at b says little beyond
// 4·b.
constexpr Batch longest_jump = 4;
// Interpolation between brackets this close needs no bisection to help it along.
constexpr Batch close_bracket = 4;
// Kernels work in tiles: past a step a multiple of these may be faster than the batch below it.
constexpr std::array<Batch, 6> tiles{8, 16, 32, 64, 128, 256};
// Dips were seen to save some 10-15 %; a batch half as large again cannot come back under the limit by one.
constexpr double horizon = 1.5;
constexpr int most_look_ahead = 2;

/// One measured value (seconds or bytes) of a batch.
struct Point {
  Batch batch;
  double value;
};

/// What the evidence says of the batches tried so far.
struct Bracket {
  Batch passing = 0;             ///< the largest that passes; 0 where none does
  std::optional<Batch> failing;  ///< the smallest larger one that does not
  Batch largest_run = 1;         ///< the largest that was measured
  std::vector<Point> latency;
  std::vector<Point> memory;
  std::optional<Probe> unsettled;  ///< would settle a batch that was begun
};

Bracket read(const Evidence& evidence, const Limits& limits, const Environment& environment,
             const SearchSpace& space) {
  Bracket bracket;
  for (const Batch batch : evidence.tried()) {
    const Ruling ruling = judge(evidence, batch, limits, environment, space.timing, space.rules);
    if (ruling.wants && !bracket.unsettled) bracket.unsettled = ruling.wants;
    if (ruling.latency) bracket.latency.push_back({batch, ruling.latency->value});
    if (ruling.memory) bracket.memory.push_back({batch, ruling.memory->value});
    const Observation* seen = evidence.observation(batch);
    if (seen != nullptr && seen->outcome == Outcome::measured) bracket.largest_run = batch;
    if (ruling.passes()) {
      bracket.passing = batch;
      bracket.failing.reset();
    } else if (!bracket.failing) {
      bracket.failing = batch;
    }
  }
  return bracket;
}

/// Where the curve reaches the limit: between the last batch that passes and the first measured beyond the
/// limit, or by the slope of the last two that pass. Infinity where it does not rise.
double crossing(const std::vector<Point>& curve, Batch passing, double limit) {
  constexpr double never = std::numeric_limits<double>::infinity();
  const auto behind =
      std::find_if(curve.begin(), curve.end(), [&](const Point& p) { return p.batch > passing; });
  if (behind == curve.begin()) return never;
  const Point last = *(behind - 1);
  const auto beyond = std::find_if(behind, curve.end(), [&](const Point& p) { return p.value > limit; });
  if (beyond == curve.end() && behind - curve.begin() < 2) return never;
  const Point from = beyond != curve.end() ? last : *(behind - 2);
  const Point to = beyond != curve.end() ? *beyond : last;
  const double slope = (to.value - from.value) / static_cast<double>(to.batch - from.batch);
  return slope > 0 ? static_cast<double>(last.batch) + (limit - last.value) / slope : never;
}

/// Whether the last two batches tried ended on the same side: then interpolation creeps and bisection is due.
bool one_sided(const Evidence& evidence, const Bracket& bracket) {
  std::vector<Batch> last;
  for (auto record = evidence.records().rbegin(); record != evidence.records().rend() && last.size() < 2;
       ++record) {
    const auto* seen = std::get_if<Observation>(&*record);
    if (seen != nullptr && std::find(last.begin(), last.end(), seen->batch) == last.end())
      last.push_back(seen->batch);
  }
  return last.size() == 2 && (last[0] <= bracket.passing) == (last[1] <= bracket.passing);
}

double limit_of(const Evidence& evidence, const Limits& limits) {
  if (const auto* ratio = std::get_if<LatencyRatio>(&limits.latency))
    return ratio->ratio * median(evidence.samples(1));
  if (const auto* bound = std::get_if<LatencyBound>(&limits.latency)) return bound->seconds;
  return std::numeric_limits<double>::infinity();
}

/// The batch to try between the bracket's ends: the largest that the curves say will pass, else its
/// neighbour.
Batch choose(const Evidence& evidence, const Bracket& bracket, const Limits& limits,
             const Environment& environment, const SearchSpace& space) {
  const Batch least = bracket.passing + 1;
  const Batch most = std::min({bracket.failing ? *bracket.failing - 1 : space.max_batch, space.max_batch,
                               longest_jump * bracket.largest_run});
  if (bracket.failing && *bracket.failing - bracket.passing > close_bracket && one_sided(evidence, bracket)) {
    return std::clamp(bracket.passing + (*bracket.failing - bracket.passing) / 2, least, most);
  }
  double estimate = crossing(bracket.latency, bracket.passing, limit_of(evidence, limits));
  if (const auto allowed = limits.own_memory(environment)) {
    const bool whole_device = std::holds_alternative<MemoryShare>(limits.memory);
    const Bytes limit = *allowed + (whole_device ? environment.others.value_or(0) : 0);
    estimate = std::min(estimate, crossing(bracket.memory, bracket.passing, static_cast<double>(limit)));
  }
  if (estimate >= static_cast<double>(most)) return most;
  return std::clamp(static_cast<Batch>(std::floor(estimate)), least, most);
}

/// Larger batches that a dip of the curve might bring back under the limit.
std::vector<Batch> look_ahead(const Bracket& bracket, const SearchSpace& space) {
  std::vector<Batch> candidates;
  if (!space.look_ahead || !bracket.failing) return candidates;
  Batch tile = tiles.front();
  for (const Batch larger : tiles) {
    if (larger <= bracket.passing / 4) tile = larger;
  }
  const auto furthest =
      std::min(space.max_batch, static_cast<Batch>(horizon * static_cast<double>(bracket.passing)));
  for (Batch batch = (*bracket.failing / tile + 1) * tile;
       batch <= furthest && static_cast<int>(candidates.size()) < most_look_ahead; batch += tile) {
    candidates.push_back(batch);
  }
  return candidates;
}

}  // namespace

Strategy guided(const SearchSpace& space) {
  return [space](const Evidence& evidence, const Limits& limits, const Environment& environment) -> Step {
    if (evidence.tried().empty()) return Measure{1};
    const Bracket bracket = read(evidence, limits, environment, space);
    if (bracket.unsettled) return *bracket.unsettled;
    if (bracket.passing == 0) return Done{"batch 1 does not pass"};
    const bool neighbours = bracket.failing && *bracket.failing - bracket.passing == 1;
    if (bracket.passing >= space.max_batch) return Done{"the largest batch allowed passes"};
    if (!neighbours) return Measure{choose(evidence, bracket, limits, environment, space)};
    const std::vector<Batch> tried = evidence.tried();  // one that only ever crashed is tried too
    for (const Batch batch : look_ahead(bracket, space)) {
      if (!std::binary_search(tried.begin(), tried.end(), batch)) return Measure{batch};
    }
    return Done{"neighbours " + std::to_string(bracket.passing) + " and " + std::to_string(*bracket.failing) +
                " are judged"};
  };
}

}  // namespace batchfit
