#include "search/relaxation.h"

#include <cmath>

#include "search/objective.h"

namespace batchfit {
namespace {

constexpr int most_steps = 5;
constexpr double step = 0.1;
constexpr double share_step = 0.05;

/// Two digits after the point: 2.2, not 2.2000000000000002.
double rounded(double value) { return std::round(value * 100) / 100; }

/// The limits with one of them looser; absent where it does not exist or cannot be.
std::optional<Limits> loosened(Limits limits, Relaxation::Of which, int steps) {
  const double factor = 1 + step * steps;
  if (which == Relaxation::Of::latency) {
    if (auto* ratio = std::get_if<LatencyRatio>(&limits.latency)) {
      ratio->ratio = rounded(ratio->ratio * factor);
    } else if (auto* bound = std::get_if<LatencyBound>(&limits.latency)) {
      bound->seconds *= factor;
    } else {
      return std::nullopt;
    }
    return limits;
  }
  if (auto* own = std::get_if<OwnMemory>(&limits.memory)) {
    own->bytes = static_cast<Bytes>(static_cast<double>(own->bytes) * factor);
    return limits;
  }
  auto& share = std::get<MemoryShare>(limits.memory).share;
  share = rounded(share + share_step * steps);
  if (share >= 1) return std::nullopt;
  return limits;
}

}  // namespace

std::vector<Relaxation> relaxations(const Answer& found, const Evidence& evidence, const Limits& limits,
                                    const Environment& environment, const SearchSpace& space) {
  std::vector<Relaxation> out;
  if (!found.best) return out;
  const auto now = candidate_of(evidence, found.best->batch);
  for (const auto which : {Relaxation::Of::latency, Relaxation::Of::memory}) {
    for (int steps = 1; now && steps <= most_steps; ++steps) {
      const auto looser = loosened(limits, which, steps);
      if (!looser) break;
      const Answer then = answer(evidence, *looser, environment, space, Done{found.why});
      if (!then.best || then.best->batch == found.best->batch) continue;
      const auto its = candidate_of(evidence, then.best->batch);
      if (!its) break;
      out.push_back({which, steps, *looser, its->batch, its->throughput() / now->throughput() - 1});
      break;
    }
  }
  return out;
}

}  // namespace batchfit
