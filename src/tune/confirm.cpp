#include "tune/confirm.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "facts/summary.h"
#include "judge/judge.h"
#include "tune/stopwatch.h"

namespace batchfit {
namespace {

// A confirmation is cut into this many measurements, so that its drift has a first and a last.
constexpr double blocks = 6;
// What one answer of a worker may hold without becoming slow to read.
constexpr double most_samples = 5'000;

/// The samples that take a block's share of the span: each pass is timed after an untimed one.
int samples_of_block(Seconds span, Seconds latency, const JudgeRules& rules) {
  const double wanted = span / blocks / (2 * latency);
  return static_cast<int>(std::clamp<double>(wanted, rules.few_samples, most_samples));
}

const Observation* last_observation(const Evidence& evidence, Batch batch) {
  const auto all = evidence.observations(batch);
  return all.empty() ? nullptr : all.back();
}

/// What the records say, beside the verdict.
void describe(Confirmation& out, const Evidence& seen) {
  std::set<std::string> reasons;
  std::vector<const Observation*> measured;
  for (const Observation* one : seen.observations(out.batch)) {
    if (!one->samples.empty()) measured.push_back(one);
    reasons.insert(one->conditions.throttle_reasons.begin(), one->conditions.throttle_reasons.end());
  }
  out.throttle_reasons = {reasons.begin(), reasons.end()};
  if (measured.size() < 2) return;
  out.drift = median(measured.back()->samples) / median(measured.front()->samples) - 1;
  const auto first = measured.front()->memory.own();
  const auto last = measured.back()->memory.own();
  if (first && last) out.memory_growth = *last - *first;
}

}  // namespace

Confirmation confirm(const TuneTask& task, Batch batch, Seconds span, Worker& worker, Cache& cache,
                     Evidence& evidence) {
  Confirmation out;
  out.batch = batch;
  Evidence seen;
  Stopwatch stopwatch;
  const auto run = [&](const Probe& probe) {
    const std::vector<Record> records =
        run_and_keep(task, worker.environment(), probe, worker, cache, evidence);
    for (const Record& record : records) {
      stopwatch.add(record);
      seen.add(record);
    }
    return !records.empty() && !(task.cancelled && task.cancelled());
  };
  bool going = true;
  int samples = samples_of_block(span, median(evidence.samples(batch)), task.space.rules);
  while (going && stopwatch.seconds() < span) {
    going = run(Measure{batch, samples});
    const Observation* last = last_observation(seen, batch);
    if (last == nullptr || last->outcome != Outcome::measured) break;
  }
  out.seconds = stopwatch.seconds();
  const auto ruled = [&] {
    return judge(seen, batch, task.limits, worker.environment(), task.space.timing, task.space.rules);
  };
  out.ruling = ruled();
  while (going && out.ruling.wants) {
    going = run(*out.ruling.wants);
    out.ruling = ruled();
  }
  describe(out, seen);
  return out;
}

}  // namespace batchfit
