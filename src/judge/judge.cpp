#include "judge/judge.h"

#include <algorithm>
#include <cmath>

#include "facts/json.h"
#include "facts/summary.h"
#include "judge/sign_test.h"

namespace batchfit {
namespace {

// Turns the median absolute deviation of normal noise into its standard deviation.
constexpr double deviation_per_mad = 1.4826;
// What is free on a device wanders a little: a cap that is looser by less than this is the same try.
constexpr double looser_cap = 1.05;
// A first out-of-memory may be another's burst; a second under the same cap is the batch's own.
constexpr int most_ooms = 2;

/// Relative robust standard deviation of samples around their median.
double relative_spread(const std::vector<Seconds>& samples) {
  const Seconds middle = median(samples);
  std::vector<Seconds> distances;
  distances.reserve(samples.size());
  for (const Seconds sample : samples) distances.push_back(std::abs(sample - middle));
  return middle > 0 ? deviation_per_mad * median(distances) / middle : 0;
}

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

/// Solo samples against a bound that is itself known only to `spread`: decided where they are far off.
Verdict rule_far(const std::vector<Seconds>& samples, Seconds bound, double spread, double far) {
  const double distance = std::log(median(samples) / bound);
  if (std::abs(distance) < far || std::abs(distance) < spread) return Verdict::undecided;
  return distance < 0 ? Verdict::pass : Verdict::fail;
}

double far_of(Timing timing, const JudgeRules& rules) {
  return timing == Timing::graph ? rules.far_graph : rules.far_eager;
}

/// The level for a batch whose place in `order` says how many were tested before it. The order never changes
/// once the batch is in it, so neither does its level.
double level_of(Batch batch, const std::vector<Batch>& order, const JudgeRules& rules) {
  const auto before = std::find(order.begin(), order.end(), batch) - order.begin();
  return level_of_test(rules.alpha, static_cast<int>(before) + 1);
}

struct LatencyRuling {
  LimitRuling ruling;
  std::optional<Probe> wants;
};

/// The pairs to ask for: first as many as settle the test when all agree, then at most as many again, and no
/// more than would settle it at the rate seen so far. 0: what the rules let be spent will not settle it.
int pairs_to_ask_for(int trials, int successes, double level, Seconds pair_takes, const JudgeRules& rules) {
  const auto affordable =
      static_cast<int>(std::min<double>(rules.most_pair_seconds / pair_takes, rules.most_pairs));
  const int most = std::max(affordable, rules.least_pairs);
  if (trials == 0) return std::min(trials_to_settle(0, 0, level, 1, most).value_or(most), most);
  const double rate = static_cast<double>(std::max(successes, trials - successes)) / trials;
  if (trials >= rules.least_to_give_up) {
    const double hopeful = rate + rules.hopeful_deviations / (2 * std::sqrt(trials));
    if (!trials_to_settle(trials, successes, level, std::min(1.0, hopeful), most)) return 0;
  }
  const int enough = trials_to_settle(trials, successes, level, rate, most).value_or(most);
  return std::min({trials, enough - trials, most - trials});
}

/// The batch (or batch 1) whose every measurement was disturbed and that is worth another.
std::optional<Batch> disturbed(const Evidence& evidence, Batch batch, const JudgeRules& rules) {
  for (const Batch seen : {Batch{1}, batch}) {
    const auto times = static_cast<int>(evidence.observations(seen).size());
    if (evidence.disturbed(seen) && times < rules.most_disturbed) return seen;
  }
  return std::nullopt;
}

LatencyRuling rule_ratio(const Evidence& evidence, Batch batch, double ratio, Timing timing,
                         const JudgeRules& rules) {
  LatencyRuling out;
  const std::vector<Seconds> samples = evidence.samples(batch);
  const std::vector<Seconds> reference = evidence.samples(1);
  out.ruling.value = median(samples);
  out.ruling.limit = ratio * median(reference);
  out.ruling.trials = static_cast<int>(std::min(samples.size(), reference.size()));
  if (batch == 1) {  // T(1) ≤ r·T(1) for every r ≥ 1
    out.ruling.verdict = Verdict::pass;
    return out;
  }
  const auto few = static_cast<std::size_t>(rules.few_samples);
  if (const auto again = disturbed(evidence, batch, rules)) {
    out.wants = Measure{*again, rules.few_samples};
    return out;
  }
  const bool steady = !evidence.disturbed(1) && !evidence.disturbed(batch);
  if (steady && samples.size() >= few && reference.size() >= few) {
    const double spread =
        rules.far_deviations * std::hypot(relative_spread(samples), relative_spread(reference));
    out.ruling.verdict = rule_far(samples, out.ruling.limit, spread, far_of(timing, rules));
    if (out.ruling.verdict != Verdict::undecided) return out;
  }

  const auto pairs = evidence.pairs(1, batch);
  const auto trials = static_cast<int>(pairs.size());
  const double level = level_of(batch, evidence.compared(1), rules);
  const auto within =
      static_cast<int>(std::count_if(pairs.begin(), pairs.end(), [&](const Comparison::Pair& pair) {
        return pair.candidate <= ratio * pair.reference;
      }));
  if (trials > 0) {
    out.ruling.verdict = sign_test(trials, within, level);
    out.ruling.trials = trials;
    std::vector<double> ratios;
    ratios.reserve(pairs.size());
    for (const Comparison::Pair& pair : pairs) ratios.push_back(pair.candidate / pair.reference);
    // The pairs' median ratio is the sharper figure: it is free of the drift between two solo probes.
    out.ruling.value = median(ratios) * median(reference);
    if (out.ruling.verdict != Verdict::undecided) return out;
  }
  const Seconds pair_takes = median(samples) + median(reference);
  const int more = pairs_to_ask_for(trials, within, level, pair_takes, rules);
  if (more > 0) out.wants = Compare{1, batch, more};
  return out;
}

LatencyRuling rule_bound(const Evidence& evidence, Batch batch, Seconds bound, Timing timing,
                         const JudgeRules& rules) {
  LatencyRuling out;
  const std::vector<Seconds> samples = evidence.samples(batch);
  const auto trials = static_cast<int>(samples.size());
  const auto within = std::count_if(samples.begin(), samples.end(), [&](Seconds s) { return s <= bound; });
  const double level = level_of(batch, evidence.observed_in_order(), rules);
  out.ruling = {sign_test(trials, static_cast<int>(within), level), median(samples), bound, trials};
  if (out.ruling.verdict == Verdict::undecided && trials >= rules.few_samples) {
    const double spread = rules.far_deviations * relative_spread(samples);
    out.ruling.verdict = rule_far(samples, bound, spread, far_of(timing, rules));
  }
  if (out.ruling.verdict == Verdict::undecided && trials < rules.most_pairs) out.wants = Measure{batch};
  return out;
}

std::string reason_of(const Ruling& ruling) {
  if (ruling.memory && ruling.memory->verdict == Verdict::fail) return "memory limit";
  const Verdict latency = ruling.latency ? ruling.latency->verdict : Verdict::pass;
  if (latency == Verdict::fail) return "latency limit";
  if (latency == Verdict::undecided) return "too close to the latency limit to decide";
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
  std::optional<LatencyRuling> latency;
  if (const auto* ratio = std::get_if<LatencyRatio>(&limits.latency)) {
    if (evidence.samples(1).empty()) {
      return undecided(batch, "batch 1 is not measured",
                       rule(evidence, 1, limits, environment, timing, rules).wants);
    }
    latency = rule_ratio(evidence, batch, ratio->ratio, timing, rules);
  } else if (const auto* bound = std::get_if<LatencyBound>(&limits.latency)) {
    latency = rule_bound(evidence, batch, bound->seconds, timing, rules);
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
  ruling.why = reason_of(ruling);
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
