#include <algorithm>

#include "search/answer.h"
#include "search/strategy.h"

namespace batchfit {
namespace {

// The best batch's measured neighbours are this near to it, as a share, before the search is done: between
// them a score was seen to differ by a few per cent at most.
constexpr Batch neighbours_within = 8;

/// What is still to be measured of a batch that an objective chooses from.
class Missing {
 public:
  Missing(const Evidence& evidence, const Limits& limits, const Environment& environment,
          const SearchSpace& space)
      : evidence_(evidence), limits_(limits), environment_(environment), space_(space) {}

  std::optional<Probe> of(Batch batch) const {
    const Observation* seen = evidence_.observation(batch);
    const JudgeRules& rules = space_.rules;
    if (std::ssize(evidence_.faults_in_a_row(batch)) >= rules.most_tries) return std::nullopt;
    if (seen == nullptr || evidence_.only_rehearsed(batch))
      return Measure{.batch = batch, .samples = rules.few_samples, .energy = space_.energy};
    if (seen->outcome != Outcome::measured) return std::nullopt;
    const Ruling ruling = judge(evidence_, batch, limits_, environment_, space_.timing, rules);
    if (ruling.wants) return ruling.wants;
    // Where memory alone decides one sample was enough; to compare batches it is not.
    const bool compared = space_.objective.goal != Goal::largest;
    if (compared && std::ssize(evidence_.samples(batch)) < rules.few_samples)
      return Measure{.batch = batch, .samples = rules.few_samples, .energy = space_.energy};
    if (!space_.energy || !ruling.passes() || energy_of_pass(evidence_, batch)) return std::nullopt;
    // A counter that stays silent is not asked for ever.
    if (tries_at_energy(batch) >= rules.most_tries) return std::nullopt;
    return Measure{.batch = batch, .samples = rules.few_samples, .energy = true};
  }

 private:
  /// Observations since the first: none but the first can have been taken for anything but energy, a verdict
  /// or a disturbance, and those are few.
  std::ptrdiff_t tries_at_energy(Batch batch) const { return std::ssize(evidence_.observations(batch)) - 1; }

  const Evidence& evidence_;
  const Limits& limits_;
  const Environment& environment_;
  const SearchSpace& space_;
};

/// Halfway from the batch to a measured neighbour that is too far off; absent where both are near.
std::optional<Batch> between_neighbours(const std::vector<Batch>& tried, Batch batch, Batch largest) {
  const auto at = std::lower_bound(tried.begin(), tried.end(), batch);
  const Batch near = std::max<Batch>(1, batch / neighbours_within);
  if (at != tried.begin() && batch - *std::prev(at) > near)
    return *std::prev(at) + (batch - *std::prev(at)) / 2;
  const auto above = std::next(at);
  if (batch < largest && above != tried.end() && *above - batch > near) return batch + (*above - batch) / 2;
  return std::nullopt;
}

}  // namespace

Strategy widened(Strategy next, const SearchSpace& space) {
  return [next = std::move(next), space](const Evidence& evidence, const Limits& limits,
                                         const Environment& environment) -> Step {
    Step step = next(evidence, limits, environment);
    const auto* done = std::get_if<Done>(&step);
    const bool explores = space.objective.goal != Goal::largest && space.explore;
    if (done == nullptr || (!explores && !space.energy)) return step;
    const Answer found = answer(evidence, limits, environment, space, *done);
    if (!found.best) return step;

    const Missing missing(evidence, limits, environment, space);
    const Batch largest = found.largest->batch;
    const std::vector<Batch> wanted =
        explores ? objective_grid(largest) : std::vector<Batch>{1, found.best->batch};
    for (const Batch batch : wanted) {
      if (const auto probe = missing.of(batch)) return *probe;
    }
    const auto choice = found.choices.find(space.objective.goal);
    if (!explores || choice == found.choices.end()) return step;
    if (const auto probe = missing.of(choice->second.top)) return *probe;
    if (const auto batch = between_neighbours(evidence.tried(), choice->second.top, largest)) {
      return Measure{.batch = *batch, .samples = space.rules.few_samples, .energy = space.energy};
    }
    return step;
  };
}

}  // namespace batchfit
