#include "tune/suite.h"

#include <chrono>

#include "tune/confirm.h"
#include "worker/identity.h"

namespace batchfit {
namespace {

using Clock = std::chrono::steady_clock;

Seconds since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Measures one batch and no other: done once it is measured, or given up after as many faults as the judge
/// gives a batch.
Strategy measure_once(Batch batch, const JudgeRules& rules) {
  return [=](const Evidence& evidence, const Limits&, const Environment&) -> Step {
    if (evidence.observation(batch) != nullptr) return Done{"it is measured"};
    if (std::ssize(evidence.faults_in_a_row(batch)) >= rules.most_tries) return Done{"the worker failed"};
    return Measure{batch};
  };
}

/// Whether joules are not known of a batch that reports compare: batch 1 and the answer.
bool lacks_energy(const Evidence& evidence, const Answer& found) {
  return found.best && (!energy_of_pass(evidence, 1) || !energy_of_pass(evidence, found.best->batch));
}

WorkerOptions cancelled_by(WorkerOptions worker, const Cancellation& cancel) {
  worker.cancel = &cancel;
  return worker;
}

}  // namespace

SearchSpace space_of(const TuneGoal& goal, const Subject& subject) {
  SearchSpace space{goal.max_batch.value_or(default_max_batch(goal.strategy)), subject.workload.timing, {}};
  space.look_ahead = goal.look_ahead;
  space.forecast.element_bytes = element_bytes(subject.workload.dtype);
  space.strict = goal.strict;
  space.objective = goal.objective;
  return space;
}

std::optional<Bytes> others_last_seen(const Evidence& evidence) {
  for (auto record = evidence.records().rbegin(); record != evidence.records().rend(); ++record) {
    const auto* seen = std::get_if<Observation>(&*record);
    if (seen != nullptr && seen->conditions.others_after) return seen->conditions.others_after;
  }
  return std::nullopt;
}

Suite::Suite(const WorkerOptions& worker, LocalDevice device, Cache& cache, const Cancellation& cancel)
    : worker_(cancelled_by(worker, cancel)),
      worker_identity_(to_json(identify(worker.command))),
      device_(std::move(device)),
      cache_(cache),
      cancel_(cancel) {}

Json Suite::stamp_key(const LoadRequest& request) const {
  Json key = {
      {"request", load_request(request)}, {"worker", worker_identity_}, {"device", device_.fingerprint}};
  // What is a file or a folder here is what it holds; a model's inputs may stand beside it.
  for (const std::string& path : {request.model, request.model + ".json", request.weights, request.prompts}) {
    for (const FileIdentity& file : identify_files(path)) key["files"].push_back(to_json(file));
  }
  return key;
}

TunedWorkload Suite::tune(LoadRequest request, const InputSizes& inputs, const TuneGoal& goal,
                          const TuneEvents& events) {
  const auto start = Clock::now();
  request.shape = inputs.sizes;
  TunedWorkload out = tune_one(
      request, goal, [&](const SearchSpace& space) { return make_strategy(goal.strategy, space); }, events);
  if (!inputs.distribution.empty()) measure_distribution(std::move(request), inputs, goal, events, out);
  out.seconds = since(start);
  return out;
}

void Suite::measure_distribution(LoadRequest request, const InputSizes& inputs, const TuneGoal& goal,
                                 const TuneEvents& events, TunedWorkload& out) {
  out.distribution = MeasuredDistribution{inputs.told, inputs.sizes, {}};
  const std::optional<Batch> batch = out.answer.batch();
  if (out.error || !batch || out.answer.status == Status::interrupted) return;
  TuneGoal once = goal;  // it is the answer at the largest sizes that is confirmed
  once.confirm.reset();
  once.objective = {};
  once.energy = false;
  for (const WeightedSizes& input : inputs.distribution) {
    if (cancel_.raised()) return;
    DistributionPoint& point = out.distribution->points.emplace_back(DistributionPoint{input, {}, {}, {}});
    if (input.sizes == inputs.sizes) {
      point.subject = out.subject;
      point.observation = out.answer.at_best;
      continue;
    }
    request.shape = input.sizes;
    const TunedWorkload measured = tune_one(
        request, once, [&](const SearchSpace& space) { return measure_once(*batch, space.rules); }, events);
    point.subject = measured.subject;
    point.error = measured.error;
    if (const Observation* seen = measured.evidence.observation(*batch)) point.observation = *seen;
    out.probes += measured.probes;
    out.from_cache = out.from_cache && measured.from_cache;
  }
}

TunedWorkload Suite::tune_one(const LoadRequest& request, const TuneGoal& goal, const MakeStrategy& make,
                              const TuneEvents& events) {
  TunedWorkload out;
  out.model = request.model;
  if (on_input) on_input(request.shape);
  const Json key = stamp_key(request);
  const bool must_measure = goal.refresh || goal.confirm;
  if (must_measure || !answer_from_cache(key, goal, make, out))
    measure(key, request, goal, make, events, out);
  return out;
}

bool Suite::answer_from_cache(const Json& key, const TuneGoal& goal, const MakeStrategy& make,
                              TunedWorkload& out) {
  const auto stamp = cache_.stamped(key);
  if (!stamp) return false;
  SearchSpace space = space_of(goal, stamp->subject);
  space.explore = goal.explore;
  const auto next = make(space);
  if (!next) return false;
  const Evidence evidence = cache_.load(stamp->subject);
  const Environment environment{stamp->subject.device.total_memory,
                                device_.others ? device_.others : others_last_seen(evidence)};
  const Step step = (*next)(evidence, goal.limits, environment);
  const auto* done = std::get_if<Done>(&step);
  if (done == nullptr) return false;
  out.answer = answer(evidence, goal.limits, environment, space, *done);
  if (goal.wants_energy() && lacks_energy(evidence, out.answer)) return false;
  out.relaxations = relaxations(out.answer, evidence, goal.limits, environment, space);
  out.subject = stamp->subject;
  out.notes = stamp->notes;
  out.evidence = evidence;
  out.environment = environment;
  out.from_cache = true;
  return true;
}

void Suite::measure(const Json& key, const LoadRequest& request, const TuneGoal& goal,
                    const MakeStrategy& make, const TuneEvents& events, TunedWorkload& out) {
  if (on_load) on_load();
  const auto loaded = worker_.load(request);
  if (!loaded) {
    out.error = loaded.error();
    return;
  }
  const Subject& subject = loaded->subject;
  out.subject = subject;
  out.notes = loaded->notes;
  if (goal.refresh) cache_.refresh(subject);
  out.evidence = cache_.load(subject);
  cache_.stamp(key, {subject, loaded->notes});

  SearchSpace space = space_of(goal, subject);
  space.energy = goal.wants_energy() && loaded->capabilities.has("energy");
  if (goal.wants_energy() && !space.energy) out.notes.emplace_back("energy: the device cannot tell it");
  const auto next = make(space);
  if (!next) {
    out.error = next.error();
    return;
  }
  const TuneTask task{
      subject, goal.limits, space, *next, goal.strict, goal.budget, [this] { return cancel_.raised(); },
      events};
  Tuned tuned = batchfit::tune(task, worker_, cache_, out.evidence);
  out.answer = std::move(tuned.answer);
  out.probes = tuned.probes;
  const bool confirms = goal.confirm && out.answer.best && !cancel_.raised();
  if (confirms)
    out.confirmation = confirm(task, out.answer.best->batch, *goal.confirm, worker_, cache_, out.evidence);
  out.environment = worker_.last_environment();
  out.relaxations = relaxations(out.answer, out.evidence, goal.limits, out.environment, space);
  cache_.summarize(subject);
}

}  // namespace batchfit
