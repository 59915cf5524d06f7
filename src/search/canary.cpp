#include <algorithm>

#include "search/answer.h"
#include "search/strategy.h"

namespace batchfit {
namespace {

bool shows_batch_1(const Record& record) {
  const auto* alone = std::get_if<Observation>(&record);
  const auto* pairs = std::get_if<Comparison>(&record);
  return (alone != nullptr && alone->batch == 1) || (pairs != nullptr && pairs->reference == 1);
}

/// Whether the verdict on the batch's latency rests on solo samples taken after batch 1 was last seen.
bool unwatched(const Evidence& evidence, const std::optional<Ruling>& ruling) {
  if (!ruling || ruling->batch == 1 || !ruling->latency) return false;
  if (ruling->latency->verdict == Verdict::undecided || !evidence.pairs(1, ruling->batch).empty())
    return false;
  for (auto record = evidence.records().rbegin(); record != evidence.records().rend(); ++record) {
    if (shows_batch_1(*record)) return false;
    const auto* alone = std::get_if<Observation>(&*record);
    if (alone != nullptr && alone->batch == ruling->batch) return true;
  }
  return false;
}

}  // namespace

Strategy watched(Strategy next, const SearchSpace& space) {
  return [next = std::move(next), space](const Evidence& evidence, const Limits& limits,
                                         const Environment& environment) -> Step {
    Step step = next(evidence, limits, environment);
    const auto* done = std::get_if<Done>(&step);
    if (done == nullptr || evidence.samples(1).empty()) return step;
    const Answer found = answer(evidence, limits, environment, space, *done);
    // What is compared must be watched too; where nothing more is to be measured it is taken as it is.
    const bool compares = space.objective.goal != Goal::largest && space.explore;
    const auto rests_on_nothing_seen_since = [&](Batch batch) {
      return unwatched(evidence, judge(evidence, batch, limits, environment, space.timing, space.rules));
    };
    const bool canary =
        unwatched(evidence, found.largest) || unwatched(evidence, found.next) ||
        (compares && std::any_of(found.passing.begin(), found.passing.end(), rests_on_nothing_seen_since));
    return canary ? Step(Measure{1, space.rules.few_samples}) : step;
  };
}

}  // namespace batchfit
