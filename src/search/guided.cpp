#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "facts/summary.h"
#include "search/memory_bound.h"
#include "search/strategy.h"

namespace batchfit {
namespace {

// Interpolation between brackets this close needs no bisection to help it along.
constexpr Batch close_bracket = 4;
// Kernels work in tiles: past a step a multiple of these may be faster than the batch below it.
constexpr std::array<Batch, 4> tiles{8, 16, 32, 64};
// Dips were seen to save some 10-15 %; a batch half as large again cannot come back under the limit by one.
constexpr double horizon = 1.5;
// Of the smallest tile the next two multiples are looked at, of each larger one the next.
constexpr Batch smallest_tiles_ahead = 2;

/// A measured point of the latency curve.
struct Point {
  Batch batch;
  Seconds value;
};

/// What the evidence says of the batches tried so far. On the way a batch that comparisons have yet to settle
/// counts as its solo samples say: only the answer and what stands above it are worth the pairs.
struct Bracket {
  Batch passing = 0;             ///< the largest that passes; 0 where none does
  std::optional<Batch> failing;  ///< the smallest larger one that does not
  Batch largest_run = 1;         ///< the largest that was measured
  std::vector<Point> latency;
  std::optional<Probe> begun;        ///< the measurement of a batch that must be taken (again) first
  std::map<Batch, Probe> unsettled;  ///< comparisons that would settle a batch
};

bool seems_to_pass(const Ruling& ruling) {
  if (!ruling.wants) return ruling.passes();
  const bool within = ruling.latency && ruling.latency->value <= ruling.latency->limit;
  return within && !(ruling.memory && ruling.memory->verdict == Verdict::fail);
}

Bracket read(const Evidence& evidence, const Limits& limits, const Environment& environment,
             const SearchSpace& space) {
  Bracket bracket;
  for (const Batch batch : evidence.tried()) {
    const Ruling ruling = judge(evidence, batch, limits, environment, space.timing, space.rules);
    const bool compares = ruling.wants && std::holds_alternative<Compare>(*ruling.wants);
    if (compares) bracket.unsettled.emplace(batch, *ruling.wants);
    if (ruling.wants && !compares && !bracket.begun) bracket.begun = ruling.wants;
    if (ruling.latency) bracket.latency.push_back({batch, ruling.latency->value});
    const Observation* seen = evidence.observation(batch);
    if (seen != nullptr && seen->outcome == Outcome::measured) bracket.largest_run = batch;
    if (seems_to_pass(ruling)) {
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

/// The batch to try between the bracket's ends: the largest that the curves and the forecast say will pass,
/// else its neighbour. Absent where memory forbids even that.
std::optional<Batch> choose(const Evidence& evidence, const Bracket& bracket, const Limits& limits,
                            const Environment& environment, const SearchSpace& space) {
  const MemoryBound memory(evidence, limits, environment, space);
  const Batch least = bracket.passing + 1;
  const auto runnable = memory.largest_runnable(
      least, std::min({bracket.failing ? *bracket.failing - 1 : space.max_batch, space.max_batch,
                       memory.longest_jump() * bracket.largest_run}));
  if (!runnable) return std::nullopt;
  const Batch most = *runnable;
  if (bracket.failing && *bracket.failing - bracket.passing > close_bracket && one_sided(evidence, bracket)) {
    return std::clamp(bracket.passing + (*bracket.failing - bracket.passing) / 2, least, most);
  }
  double estimate = crossing(bracket.latency, bracket.passing, limit_of(evidence, limits));
  if (const auto target = memory.target(bracket.passing, most, bracket.failing.has_value())) {
    estimate = std::min(estimate, static_cast<double>(*target));
  }
  if (estimate >= static_cast<double>(most)) return most;
  return std::clamp(static_cast<Batch>(std::floor(estimate)), least, most);
}

/// Larger batches that a dip of the curve might bring back under the limit, ascending.
std::set<Batch> look_ahead(const Bracket& bracket, const SearchSpace& space) {
  std::set<Batch> candidates;
  if (!space.look_ahead || !bracket.failing) return candidates;
  const auto next = [&](Batch tile, Batch n) { return (*bracket.failing / tile + n) * tile; };
  for (Batch n = 1; n <= smallest_tiles_ahead; ++n) candidates.insert(next(tiles.front(), n));
  for (const Batch tile : tiles) candidates.insert(next(tile, 1));
  const auto furthest =
      std::min(space.max_batch, static_cast<Batch>(horizon * static_cast<double>(bracket.passing)));
  candidates.erase(candidates.upper_bound(furthest), candidates.end());
  return candidates;
}

}  // namespace

Strategy guided(const SearchSpace& space) {
  return [space](const Evidence& evidence, const Limits& limits, const Environment& environment) -> Step {
    if (evidence.tried().empty()) return Measure{1};
    const Bracket bracket = read(evidence, limits, environment, space);
    if (bracket.begun) return *bracket.begun;
    if (bracket.passing == 0) return Done{"batch 1 does not pass"};
    const bool at_the_top = bracket.passing >= space.max_batch;
    const bool neighbours = bracket.failing && *bracket.failing - bracket.passing == 1;
    if (!at_the_top && !neighbours) {
      if (const auto batch = choose(evidence, bracket, limits, environment, space)) return Measure{*batch};
    }
    const auto unsettled = bracket.unsettled.lower_bound(bracket.passing);
    if (unsettled != bracket.unsettled.end()) return unsettled->second;
    if (at_the_top) return Done{"the largest batch allowed passes"};
    const std::vector<Batch> tried = evidence.tried();  // one that only ever crashed is tried too
    const MemoryBound memory(evidence, limits, environment, space);
    if (const auto batch = memory.look_ahead(bracket.failing.value_or(bracket.passing + 1))) {
      return Measure{*batch};
    }
    for (const Batch batch : look_ahead(bracket, space)) {
      if (std::binary_search(tried.begin(), tried.end(), batch)) continue;
      // A dip is one of latency: where memory forbids the batch there is nothing to look for.
      if (!memory.expects_beyond(batch)) return Measure{batch};
    }
    if (!neighbours) {
      return Done{"batch " + std::to_string(bracket.passing + 1) + " does not fit, by its forecast"};
    }
    return Done{"neighbours " + std::to_string(bracket.passing) + " and " + std::to_string(*bracket.failing) +
                " are judged"};
  };
}

}  // namespace batchfit
