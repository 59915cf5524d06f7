#include "judge/judge.h"

#include <algorithm>

#include "facts/json.h"
#include "judge/latency.h"

namespace batchfit {
namespace {

// What is free on a device wanders a little: a cap that is looser by less than this is the same try.
constexpr double looser_cap = 1.05;
// A first out-of-memory may be another's burst; a second under the same cap is the batch's own.
constexpr int most_ooms = 2;

Ruling undecided(Batch batch, std::string why, std::optional<Probe> wants = std::nullopt) {
  Ruling ruling;
  ruling.batch = batch;
  ruling.why = std::move(why);
  ruling.wants = wants;
  return ruling;
}

std::optional<LimitRuling> rule_memory(const Observation& observation, const Limits& limits,
                                       const Environment& environment) {
  const auto own = observation.memory.own();
  const auto allowed = limits.own_memory(environment);
  if (!own || !allowed) return std::nullopt;
  LimitRuling ruling;
  ruling.verdict = *own <= *allowed ? Verdict::pass : Verdict::fail;
  // A share is of the whole device, so others' memory counts.
  const auto* share = std::get_if<MemoryShare>(&limits.memory);
  ruling.value = static_cast<double>(*own + (share != nullptr ? environment.others.value_or(0) : 0));
  ruling.limit = share != nullptr ? share->share * static_cast<double>(environment.total)
                                  : static_cast<double>(*allowed);
  return ruling;
}

/// Whether the limit now allows more than every cap that the batch ran out of memory under, and more of the
/// same is not yet known to be in vain.
bool cap_was_tighter(const std::vector<const Observation*>& observations, Bytes allowed) {
  double loosest = 0;
  int times = 0;
  for (const Observation* seen : observations) {
    if (seen->outcome != Outcome::out_of_memory) continue;
    if (!seen->cap) return false;  // the device itself was full
    const auto reach = static_cast<double>(*seen->cap + seen->memory.context.value_or(0));
    const bool looser = reach > loosest * looser_cap;
    times = looser ? 1 : times + 1;
    loosest = std::max(loosest, reach);
  }
  return static_cast<double>(allowed) > loosest && times < most_ooms;
}

/// The out-of-memory that stands: final, unless the limit now allows more than the caps did.
Ruling rule_out_of_memory(const Evidence& evidence, const Observation& observation, const Limits& limits,
                          const Environment& environment) {
  const Batch batch = observation.batch;
  const auto allowed = limits.own_memory(environment);
  if (allowed && cap_was_tighter(evidence.observations(batch), *allowed)) {
    return undecided(batch, "ran out of memory under a tighter cap", Measure{batch});
  }
  Ruling ruling = undecided(batch, "out of memory");
  ruling.verdict = Verdict::fail;
  return ruling;
}

std::string reason_of(const Ruling& ruling) {
  if (ruling.memory && ruling.memory->verdict == Verdict::fail) return "memory limit";
  const Verdict latency = ruling.latency ? ruling.latency->verdict : Verdict::pass;
  if (latency == Verdict::fail) return "latency limit";
  return ruling.memory ? "within the limits"
                       : "within the latency limit; how much memory it takes is not known";
}

/// Why asking for more of this batch is in vain; nullopt where it is not.
std::optional<std::string> given_up(const Evidence& evidence, Batch batch, const JudgeRules& rules) {
  const auto faults = evidence.faults_in_a_row(batch);
  if (static_cast<int>(faults.size()) >= rules.most_tries) {
    return "the worker failed " + std::to_string(faults.size()) + " times on it: " + faults.back()->detail;
  }
  const auto observations = evidence.observations(batch);
  if (!observations.empty() && observations.back()->outcome == Outcome::failed) {
    return "measuring it again failed: " + observations.back()->reason;
  }
  return std::nullopt;
}

/// What the records say of the batch, and which would say more.
Ruling rule(const Evidence& evidence, Batch batch, const Limits& limits, const Environment& environment,
            Timing timing, const JudgeRules& rules) {
  const Observation* observation = evidence.observation(batch);
  if (observation == nullptr) return undecided(batch, "not measured", Measure{batch});
  if (observation->outcome == Outcome::out_of_memory) {
    return rule_out_of_memory(evidence, *observation, limits, environment);
  }
  Ruling ruling = undecided(batch, "");
  if (observation->outcome == Outcome::failed) {
    ruling.verdict = Verdict::fail;
    ruling.why = observation->reason;
    return ruling;
  }

  ruling.memory = rule_memory(*observation, limits, environment);
  if (observation->outcome == Outcome::rehearsed) {
    const bool too_much = ruling.memory && ruling.memory->verdict == Verdict::fail;
    if (too_much) ruling.verdict = Verdict::fail;
    if (!too_much) ruling.wants = Measure{batch};
    ruling.why = too_much ? reason_of(ruling) : "rehearsed, but not run";
    return ruling;
  }
  std::optional<LatencyRuling> latency;
  if (std::holds_alternative<LatencyRatio>(limits.latency) && evidence.samples(1).empty()) {
    return undecided(batch, "batch 1 is not measured",
                     rule(evidence, 1, limits, environment, timing, rules).wants);
  }
  if (!std::holds_alternative<NoLimit>(limits.latency)) {
    latency = rule_latency(evidence, batch, limits, timing, rules);
  }
  if (latency) ruling.latency = latency->ruling;

  const bool memory_fails = ruling.memory && ruling.memory->verdict == Verdict::fail;
  const bool latency_fails = latency && latency->ruling.verdict == Verdict::fail;
  if (memory_fails || latency_fails) {
    ruling.verdict = Verdict::fail;
  } else if (latency && latency->ruling.verdict == Verdict::undecided) {
    ruling.wants = latency->wants;
  } else {
    ruling.verdict = Verdict::pass;
  }
  const bool open = ruling.verdict == Verdict::undecided;
  ruling.why = open ? latency->why : reason_of(ruling);
  return ruling;
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::undecided:
      break;
  }
  return "undecided";
}

Ruling judge(const Evidence& evidence, Batch batch, const Limits& limits, const Environment& environment,
             Timing timing, const JudgeRules& rules) {
  Ruling ruling = rule(evidence, batch, limits, environment, timing, rules);
  // Faults take away the next try, never what the records already say.
  const auto in_vain = ruling.wants ? given_up(evidence, batch_of(*ruling.wants), rules) : std::nullopt;
  if (in_vain) {
    ruling.wants.reset();
    ruling.why = *in_vain;
  }
  return ruling;
}

}  // namespace batchfit
