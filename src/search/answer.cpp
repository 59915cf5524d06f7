#include "search/answer.h"

#include <algorithm>

namespace batchfit {
namespace {

Status status_without_best(const Evidence& evidence, const Ruling& one) {
  const Observation* observation = evidence.observation(1);
  if (observation == nullptr || observation->outcome == Outcome::failed) return Status::failed;
  return one.verdict == Verdict::fail ? Status::nothing_fits : Status::undecided;
}

/// Sets `best`, and all that is said of the batches that pass.
void choose_among(Answer& out, const Evidence& evidence, const std::vector<Ruling>& passing,
                  const SearchSpace& space) {
  std::vector<Candidate> candidates;
  for (const Ruling& ruling : passing) {
    out.passing.push_back(ruling.batch);
    if (const auto candidate = candidate_of(evidence, ruling.batch)) candidates.push_back(*candidate);
  }
  for (const Goal goal : goals) {
    const Objective objective{goal, space.objective.balance};
    if (auto choice = choose(candidates, objective, space.timing)) out.choices[goal] = std::move(*choice);
  }
  out.front = pareto_front(candidates);
  out.knee = knee(candidates, out.front);
  const auto chosen = out.choices.find(space.objective.goal);
  const Batch best = chosen == out.choices.end() ? passing.back().batch : chosen->second.batch;
  out.best = *std::find_if(passing.begin(), passing.end(),
                           [best](const Ruling& ruling) { return ruling.batch == best; });
}

}  // namespace

std::string Answer::limiter() const {
  if (!best) return why;
  if (best->batch < largest->batch) return std::string(name_of(objective.goal));
  if (!next) return best->batch >= max_batch ? "max batch" : "not proven further";
  if (next->memory && next->memory->verdict == Verdict::fail) return "memory";
  if (next->latency && next->latency->verdict != Verdict::pass) return "latency";
  return next->why;
}

Answer answer(const Evidence& evidence, const Limits& limits, const Environment& environment,
              const SearchSpace& space, const Done& done) {
  Answer out;
  out.why = done.why;
  out.max_batch = space.max_batch;
  out.objective = space.objective;
  out.drift = drift(evidence);
  std::vector<Ruling> passing;
  for (const Batch batch : evidence.tried()) {
    if (batch > space.max_batch) break;
    Ruling ruling = judge(evidence, batch, limits, environment, space.timing, space.rules);
    if (evidence.only_rehearsed(batch) && ruling.verdict == Verdict::undecided) continue;  // as if not tried
    if (ruling.passes()) {
      passing.push_back(std::move(ruling));
      out.next.reset();
      out.undecided.clear();
      continue;
    }
    if (ruling.verdict == Verdict::undecided) out.undecided.push_back(ruling);
    if (!out.next) out.next = std::move(ruling);
  }
  if (const Observation* one = evidence.observation(1)) out.at_one = *one;
  if (!passing.empty()) {
    out.status = Status::found;
    out.largest = passing.back();
    choose_among(out, evidence, passing, space);
    out.at_best = *evidence.observation(out.best->batch);
    out.neighbour_judged = out.next && !out.next->wants && out.next->batch == out.largest->batch + 1;
    return out;
  }
  const Ruling one = judge(evidence, 1, limits, environment, space.timing, space.rules);
  out.status = status_without_best(evidence, one);
  out.why = one.why;
  out.next = one;
  return out;
}

std::string_view name_of(Status status) {
  switch (status) {
    case Status::found:
      return "found";
    case Status::nothing_fits:
      return "nothing_fits";
    case Status::undecided:
      return "undecided";
    case Status::failed:
      return "failed";
    case Status::interrupted:
      break;
  }
  return "interrupted";
}

}  // namespace batchfit
