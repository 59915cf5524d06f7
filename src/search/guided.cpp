#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "search/memory_bound.h"
#include "search/strategy.h"

namespace batchfit {
namespace {

// Interpolation between brackets this close needs no bisection to help it along.
constexpr Batch close_bracket = 4;
// Interpolation that ends on the same side this often in a row creeps; one step may still be a curve's bend.
constexpr std::size_t creeping = 3;
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

/// A batch that was measured alone, or rehearsed, and that this did not settle.
struct Unsettled {
  Probe wants;
  double distance;  ///< from the limit, as a share of it; 0 of a rehearsal
};

/// What the evidence says of the batches tried so far. On the way a batch that is unsettled counts as its
/// solo samples say: only the answer and what stands above it are worth more.
struct Bracket {
  Batch passing = 0;             ///< the largest that passes; 0 where none does
  std::optional<Batch> failing;  ///< the smallest larger one that does not
  Batch largest_run = 1;         ///< the largest that was measured or rehearsed
  std::vector<Point> latency;
  double limit = std::numeric_limits<double>::infinity();  ///< of latency, as batch 1 says
  std::optional<Probe> begun;  ///< the measurement of a batch that must be taken (again) first
  std::map<Batch, Unsettled> unsettled;
  bool noisy = false;  ///< comparisons left a batch open
};

bool memory_alone(const Limits& limits) { return std::holds_alternative<NoLimit>(limits.latency); }

/// What is asked of a batch first. Where memory alone decides it need not be run, and if it is, one sample to
/// report is enough: at thousands of items a pass takes seconds.
Measure on_the_way(Batch batch, const Limits& limits, const SearchSpace& space) {
  return memory_alone(limits) ? Measure{batch, 1, /*rehearse=*/true}
                              : Measure{batch, space.rules.few_samples};
}

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
    const bool rehearsed = ruling.wants && evidence.only_rehearsed(batch);
    if (rehearsed && !memory_alone(limits)) continue;  // it says nothing of latency
    if (rehearsed) bracket.unsettled.emplace(batch, Unsettled{Measure{batch, 1}, 0});
    const bool seen_alone = ruling.wants && ruling.latency && batch_of(*ruling.wants) == batch;
    if (seen_alone)
      bracket.unsettled.emplace(batch, Unsettled{*ruling.wants, std::abs(ruling.latency->margin())});
    if (ruling.wants && !seen_alone && !rehearsed && !bracket.begun) bracket.begun = ruling.wants;
    if (!ruling.wants && ruling.latency && ruling.latency->verdict == Verdict::undecided)
      bracket.noisy = true;
    if (ruling.latency) bracket.latency.push_back({batch, ruling.latency->value});
    if (ruling.latency && batch == 1) bracket.limit = ruling.latency->limit;
    const Observation* seen = evidence.observation(batch);
    if (seen != nullptr && seen->memory.own()) bracket.largest_run = batch;
    if (rehearsed || seems_to_pass(ruling)) {
      bracket.passing = batch;
      bracket.failing.reset();
    } else if (!bracket.failing) {
      bracket.failing = batch;
    }
  }
  return bracket;
}

/// Where the line through two points reaches the limit; infinity where it does not rise.
double crossing(const Point& from, const Point& to, double limit) {
  const double slope = (to.value - from.value) / static_cast<double>(to.batch - from.batch);
  return slope > 0 ? static_cast<double>(to.batch) + (limit - to.value) / slope
                   : std::numeric_limits<double>::infinity();
}

/// Where the curve reaches the limit: between the last batch that passes and the first measured beyond the
/// limit, or by the slope towards the last that passes, from one of at most half its size: nearer ones may
/// stand on the same step. Infinity where nothing says so.
double crossing(const std::vector<Point>& curve, Batch passing, double limit) {
  const auto behind =
      std::find_if(curve.begin(), curve.end(), [&](const Point& p) { return p.batch > passing; });
  if (behind == curve.begin()) return std::numeric_limits<double>::infinity();
  const auto last = behind - 1;
  const auto beyond = std::find_if(behind, curve.end(), [&](const Point& p) { return p.value > limit; });
  if (beyond != curve.end()) return crossing(*last, *beyond, limit);
  if (last == curve.begin()) return std::numeric_limits<double>::infinity();
  const auto near =
      std::find_if(curve.begin() + 1, last, [&](const Point& p) { return 2 * p.batch > last->batch; });
  return crossing(*(near - 1), *last, limit);
}

/// Whether the last few batches tried ended on the same side: then interpolation creeps and bisection is due.
bool one_sided(const Evidence& evidence, const Bracket& bracket) {
  std::vector<Batch> last;
  for (auto record = evidence.records().rbegin();
       record != evidence.records().rend() && last.size() < creeping; ++record) {
    const auto* seen = std::get_if<Observation>(&*record);
    if (seen != nullptr && std::find(last.begin(), last.end(), seen->batch) == last.end())
      last.push_back(seen->batch);
  }
  const auto below = std::count_if(last.begin(), last.end(), [&](Batch b) { return b <= bracket.passing; });
  return last.size() == creeping && (below == 0 || below == static_cast<std::ptrdiff_t>(creeping));
}

/// Whether the middle of the bracket is a better guess than the curve: where interpolation creeps, and where
/// noise leaves batches near the limit open, for that is where the curve points.
bool bisects(const Evidence& evidence, const Bracket& bracket) {
  if (bracket.noisy) return true;
  return *bracket.failing - bracket.passing > close_bracket && one_sided(evidence, bracket);
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
  if (bracket.failing && bisects(evidence, bracket)) {
    return std::clamp(bracket.passing + (*bracket.failing - bracket.passing) / 2, least, most);
  }
  double estimate = crossing(bracket.latency, bracket.passing, bracket.limit);
  if (const auto target = memory.target(bracket.passing, most, bracket.failing.has_value())) {
    estimate = std::min(estimate, static_cast<double>(*target));
  }
  if (estimate >= static_cast<double>(most)) return most;
  return std::clamp(static_cast<Batch>(std::floor(estimate)), least, most);
}

/// The probe that comes first: of the answer and its neighbour the one nearer to the limit, for it is the
/// likelier to turn out otherwise and make the other's needless; then of larger batches, which only the look
/// ahead is about.
std::optional<Probe> to_settle(const Bracket& bracket, const SearchSpace& space) {
  const auto nearer = [](const auto& a, const auto& b) { return a.second.distance < b.second.distance; };
  const auto first = bracket.unsettled.lower_bound(bracket.passing);
  const auto above = bracket.unsettled.upper_bound(bracket.passing + 1);
  if (first != above) return std::min_element(first, above, nearer)->second.wants;
  if (!space.look_ahead || above == bracket.unsettled.end()) return std::nullopt;
  return above->second.wants;
}

/// Larger batches that a dip of the curve might bring back under the limit of latency, ascending.
std::set<Batch> look_ahead(const Bracket& bracket, const Limits& limits, const SearchSpace& space) {
  std::set<Batch> candidates;
  if (!space.look_ahead || !bracket.failing || memory_alone(limits)) return candidates;
  const auto next = [&](Batch tile, Batch n) { return (*bracket.failing / tile + n) * tile; };
  for (Batch n = 1; n <= smallest_tiles_ahead; ++n) candidates.insert(next(tiles.front(), n));
  for (const Batch tile : tiles) candidates.insert(next(tile, 1));
  const auto furthest =
      std::min(space.max_batch, static_cast<Batch>(horizon * static_cast<double>(bracket.passing)));
  candidates.erase(candidates.upper_bound(furthest), candidates.end());
  return candidates;
}

/// The answer's neighbour, where it was only rehearsed and a run might take less: the allocator's small
/// blocks may lie otherwise then. A captured graph takes what its capture took.
std::optional<Probe> to_run(const Evidence& evidence, const Bracket& bracket, const SearchSpace& space) {
  const Batch neighbour = bracket.passing + 1;
  if (space.timing == Timing::graph || bracket.failing != neighbour || !evidence.only_rehearsed(neighbour)) {
    return std::nullopt;
  }
  return Measure{neighbour, 1};
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
    if (bracket.noisy) {
      const auto first = bracket.unsettled.find(bracket.passing);
      if (first != bracket.unsettled.end()) return first->second.wants;
    }
    if (!at_the_top && !neighbours) {
      if (const auto batch = choose(evidence, bracket, limits, environment, space)) {
        return on_the_way(*batch, limits, space);
      }
    }
    // What was rehearsed is run last: only the answer that stands then is worth it.
    const std::optional<Probe> settles = to_settle(bracket, space);
    if (settles && (at_the_top || !memory_alone(limits))) return *settles;
    if (at_the_top) return Done{"the largest batch allowed passes"};
    const std::vector<Batch> tried = evidence.tried();  // one that only ever crashed is tried too
    const MemoryBound memory(evidence, limits, environment, space);
    if (const auto batch = memory.look_ahead(bracket.failing.value_or(bracket.passing + 1))) {
      return on_the_way(*batch, limits, space);
    }
    for (const Batch batch : look_ahead(bracket, limits, space)) {
      if (std::binary_search(tried.begin(), tried.end(), batch) && !evidence.only_rehearsed(batch)) continue;
      // A dip is one of latency: where memory forbids the batch there is nothing to look for.
      if (!memory.expects_beyond(batch)) return on_the_way(batch, limits, space);
    }
    if (settles) return *settles;
    if (const auto probe = to_run(evidence, bracket, space)) return *probe;
    if (!neighbours) {
      return Done{"batch " + std::to_string(bracket.passing + 1) + " does not fit, by its forecast"};
    }
    return Done{"neighbours " + std::to_string(bracket.passing) + " and " + std::to_string(*bracket.failing) +
                " are judged"};
  };
}

}  // namespace batchfit
