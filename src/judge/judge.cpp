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
  // A share is of the whole device: others' memory counts on both sides.
  const bool whole_device = std::holds_alternative<MemoryShare>(limits.memory);
  const Bytes others = whole_device ? environment.others.value_or(0) : 0;
  ruling.value = static_cast<double>(*own + others);
  ruling.limit = static_cast<double>(*allowed + others);
  return ruling;
}

/// The out-of-memory that stands: final, unless the limit now allows more than the cap did.
Ruling rule_out_of_memory(const Evidence& evidence, const Observation& observation, const Limits& limits,
                          const Environment& environment) {
  const Batch batch = observation.batch;
  const auto allowed = limits.own_memory(environment);
  const Bytes context = observation.memory.context.value_or(0);
  const bool cap_was_tighter = observation.cap && allowed && *allowed > *observation.cap + context;
  if (cap_was_tighter && evidence.ooms(batch) < 2) {
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

struct LatencyRuling {
  LimitRuling ruling;
  std::optional<Probe> wants;
};

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
  if (samples.size() >= few && reference.size() >= few) {
    const double spread =
        rules.far_deviations * std::hypot(relative_spread(samples), relative_spread(reference));
    const double far = timing == Timing::graph ? rules.far_graph : rules.far_eager;
    out.ruling.verdict = rule_far(samples, out.ruling.limit, spread, far);
    if (out.ruling.verdict != Verdict::undecided) return out;
  }

  const auto pairs = evidence.pairs(1, batch);
  const auto trials = static_cast<int>(pairs.size());
  if (trials > 0) {
    const auto within = std::count_if(pairs.begin(), pairs.end(), [&](const Comparison::Pair& pair) {
      return pair.candidate <= ratio * pair.reference;
    });
    const auto order = evidence.compared(1);
    const int k = static_cast<int>(std::find(order.begin(), order.end(), batch) - order.begin()) + 1;
    out.ruling.verdict = sign_test(trials, static_cast<int>(within), level_of_test(rules.alpha, k));
    out.ruling.trials = trials;
    std::vector<double> ratios;
    ratios.reserve(pairs.size());
    for (const Comparison::Pair& pair : pairs) ratios.push_back(pair.candidate / pair.reference);
    // The pairs' median ratio is the sharper figure: it is free of the drift between two solo probes.
    out.ruling.value = median(ratios) * median(reference);
    if (out.ruling.verdict != Verdict::undecided) return out;
  }
  if (trials < rules.most_pairs) {
    out.wants = Compare{1, batch, std::min(std::max(rules.first_pairs, trials), rules.most_pairs - trials)};
  }
  return out;
}

LatencyRuling rule_bound(const Evidence& evidence, Batch batch, Seconds bound, const JudgeRules& rules) {
  LatencyRuling out;
  const std::vector<Seconds> samples = evidence.samples(batch);
  const auto trials = static_cast<int>(samples.size());
  const auto within = std::count_if(samples.begin(), samples.end(), [&](Seconds s) { return s <= bound; });
  const auto observed = evidence.observed();
  const int k = static_cast<int>(std::find(observed.begin(), observed.end(), batch) - observed.begin()) + 1;
  out.ruling = {sign_test(trials, static_cast<int>(within), level_of_test(rules.alpha, k)), median(samples),
                bound, trials};
  if (out.ruling.verdict == Verdict::undecided && trials >= rules.few_samples) {
    const double spread = rules.far_deviations * relative_spread(samples);
    out.ruling.verdict = rule_far(samples, bound, spread, rules.far_graph);
  }
  if (out.ruling.verdict == Verdict::undecided && trials < rules.most_pairs) out.wants = Measure{batch};
  return out;
}

std::string reason_of(const Ruling& ruling) {
  if (ruling.memory && ruling.memory->verdict == Verdict::fail) return "memory limit";
  if (!ruling.latency) return "within the limits";
  switch (ruling.latency->verdict) {
    case Verdict::fail:
      return "latency limit";
    case Verdict::undecided:
      return "too close to the latency limit to decide";
    case Verdict::pass:
      break;
  }
  return "within the limits";
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
  const auto faults = evidence.faults_in_a_row(batch);
  if (static_cast<int>(faults.size()) >= rules.most_tries) {
    return undecided(batch, "the worker failed " + std::to_string(faults.size()) +
                                " times on it: " + faults.back()->detail);
  }
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
    if (evidence.samples(1).empty()) return undecided(batch, "batch 1 is not measured", Measure{1});
    latency = rule_ratio(evidence, batch, ratio->ratio, timing, rules);
  } else if (const auto* bound = std::get_if<LatencyBound>(&limits.latency)) {
    latency = rule_bound(evidence, batch, bound->seconds, rules);
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

}  // namespace batchfit
