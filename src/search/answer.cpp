#include "search/answer.h"

namespace batchfit {
namespace {

Status status_without_best(const Evidence& evidence, const Ruling& one) {
  const Observation* observation = evidence.observation(1);
  if (observation == nullptr || observation->outcome == Outcome::failed) return Status::failed;
  return one.verdict == Verdict::fail ? Status::nothing_fits : Status::undecided;
}

}  // namespace

std::string Answer::limiter() const {
  if (!best) return why;
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
  out.drift = drift(evidence);
  for (const Batch batch : evidence.tried()) {
    if (batch > space.max_batch) break;
    Ruling ruling = judge(evidence, batch, limits, environment, space.timing, space.rules);
    const Observation* seen = evidence.observation(batch);
    const bool only_rehearsed = seen != nullptr && seen->outcome == Outcome::rehearsed;
    if (only_rehearsed && ruling.verdict == Verdict::undecided) continue;  // as if not tried
    if (ruling.passes()) {
      out.best = std::move(ruling);
      out.next.reset();
      out.undecided.clear();
      continue;
    }
    if (ruling.verdict == Verdict::undecided) out.undecided.push_back(ruling);
    if (!out.next) out.next = std::move(ruling);
  }
  if (const Observation* one = evidence.observation(1)) out.at_one = *one;
  if (out.best) {
    out.status = Status::found;
    out.at_best = *evidence.observation(out.best->batch);
    out.neighbour_judged = out.next && !out.next->wants && out.next->batch == out.best->batch + 1;
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
