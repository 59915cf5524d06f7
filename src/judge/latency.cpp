#include "judge/latency.h"

#include <algorithm>
#include <cmath>

#include "facts/summary.h"
#include "judge/drift.h"
#include "judge/quantile.h"
#include "judge/sign_test.h"

namespace batchfit {
namespace {

// Turns the median absolute deviation of normal noise into its standard deviation.
constexpr double deviation_per_mad = 1.4826;
constexpr double the_median = 0.5;

constexpr const char* too_close = "too close to the latency limit to decide";
constexpr const char* too_slow = "its percentile needs more samples than there is time for";

/// Relative robust standard deviation of samples around their median.
double relative_spread(const std::vector<Seconds>& samples) {
  const Seconds middle = median(samples);
  std::vector<Seconds> distances;
  distances.reserve(samples.size());
  for (const Seconds sample : samples) distances.push_back(std::abs(sample - middle));
  return middle > 0 ? deviation_per_mad * median(distances) / middle : 0;
}

/// How far off a batch must be for solo samples to settle it.
double far_of(const Evidence& evidence, Timing timing, const JudgeRules& rules) {
  const double usual = timing == Timing::graph ? rules.far_graph : rules.far_eager;
  return std::max(usual, rules.far_drifts * std::abs(drift(evidence).value_or(0)));
}

/// Solo samples against a bound that is itself known only to `spread`: decided where they are far off.
Verdict rule_far(const std::vector<Seconds>& samples, Seconds bound, double spread, double far,
                 const JudgeRules& rules) {
  if (static_cast<int>(samples.size()) < rules.few_samples) return Verdict::undecided;
  const double distance = std::log(median(samples) / bound);
  if (std::abs(distance) < far || std::abs(distance) < rules.far_deviations * spread)
    return Verdict::undecided;
  return distance < 0 ? Verdict::pass : Verdict::fail;
}

/// The level for a batch whose place in `order` says how many were tested before it. The order never changes
/// once the batch is in it, so neither does its level.
double level_of(Batch batch, const std::vector<Batch>& order, const JudgeRules& rules) {
  const auto before = std::find(order.begin(), order.end(), batch) - order.begin();
  return level_of_test(rules.alpha, static_cast<int>(before) + 1);
}

/// The most trials that the rules let be spent where each takes this long.
int most_trials(double share, Seconds each_takes, const JudgeRules& rules) {
  if (share == the_median) {
    const double affordable = std::min<double>(rules.most_pair_seconds / each_takes, rules.most_pairs);
    return std::max(static_cast<int>(affordable), rules.least_pairs);
  }
  return static_cast<int>(
      std::min<double>(rules.most_percentile_seconds / each_takes, rules.most_percentile_trials));
}

/// The trials to ask for: first as many as settle the test when all agree, then at most as many again, and no
/// more than would settle it at the rate seen so far. 0: what may be spent will not settle it.
int more_trials(const Trials& trials, int most, const JudgeRules& rules) {
  const Trials none{0, 0, trials.alpha, trials.share};
  const auto fewest = none.to_settle(std::max(most, rules.most_percentile_trials));
  if (!fewest || (*fewest > most && trials.share != the_median)) return 0;
  if (trials.made < *fewest) return std::min(*fewest, most) - trials.made;
  if (trials.made >= rules.least_to_give_up && !trials.to_settle(most, rules.hopeful_deviations)) return 0;
  const int enough = trials.to_settle(most).value_or(most);
  return std::min({trials.made, enough - trials.made, most - trials.made});
}

/// The batch (or batch 1, where it matters) whose every measurement was disturbed and that is worth another.
std::optional<Probe> measured_again(const Evidence& evidence, Batch batch, bool and_one,
                                    const JudgeRules& rules) {
  const auto wanted = [&](Batch seen) {
    const auto times = static_cast<int>(evidence.observations(seen).size());
    return evidence.disturbed(seen) && times < rules.most_disturbed;
  };
  if (and_one && wanted(1)) return Measure{1, rules.few_samples};
  if (wanted(batch)) return Measure{batch, rules.few_samples};
  return std::nullopt;
}

/// The median ratio by a sign test over pairs.
void rule_pairs(LatencyRuling& out, const std::vector<Comparison::Pair>& pairs, double ratio,
                Seconds reference, Trials& trials) {
  std::vector<double> ratios;
  for (const Comparison::Pair& pair : pairs) {
    ratios.push_back(pair.candidate / pair.reference);
    if (pair.candidate <= ratio * pair.reference) ++trials.successes;
  }
  out.ruling.verdict = sign_test(trials.made, trials.successes, trials.alpha);
  // The pairs' median ratio is the sharper figure: it is free of the drift between two solo probes.
  out.ruling.value = median(ratios) * reference;
}

/// A percentile of each batch, from the samples of the pairs: each is known within its own bounds, and these
/// are combined the cautious way round.
void rule_percentiles(LatencyRuling& out, const std::vector<Comparison::Pair>& pairs, double ratio,
                      Trials& trials) {
  std::vector<Seconds> candidates;
  std::vector<Seconds> references;
  for (const Comparison::Pair& pair : pairs) {
    candidates.push_back(pair.candidate);
    references.push_back(pair.reference);
  }
  const QuantileBounds of = quantile_bounds(candidates, trials.share, trials.alpha);
  const QuantileBounds to = quantile_bounds(references, trials.share, trials.alpha);
  if (of.high && to.low && *of.high <= ratio * *to.low) out.ruling.verdict = Verdict::pass;
  if (of.low && to.high && *of.low > ratio * *to.high) out.ruling.verdict = Verdict::fail;
  out.ruling.value = quantile(candidates, trials.share);
  out.ruling.limit = ratio * quantile(references, trials.share);
  const auto within = [&](Seconds sample) { return sample <= out.ruling.limit; };
  trials.successes = static_cast<int>(std::count_if(candidates.begin(), candidates.end(), within));
}

/// Solo samples settle the median where it is far off; nothing else.
Verdict rule_ratio_far(const Evidence& evidence, Batch batch, const LimitRuling& ruling, double share,
                       Timing timing, const JudgeRules& rules) {
  const std::vector<Seconds> reference = evidence.samples(1);
  const bool steady = !evidence.disturbed(1) && !evidence.disturbed(batch);
  if (!steady || share != the_median || static_cast<int>(reference.size()) < rules.few_samples) {
    return Verdict::undecided;
  }
  const std::vector<Seconds> samples = evidence.samples(batch);
  const double spread = std::hypot(relative_spread(samples), relative_spread(reference));
  return rule_far(samples, ruling.limit, spread, far_of(evidence, timing, rules), rules);
}

LatencyRuling rule_ratio(const Evidence& evidence, Batch batch, double ratio, double share, Timing timing,
                         const JudgeRules& rules) {
  LatencyRuling out;
  const Seconds alone = quantile(evidence.samples(batch), share);
  const Seconds reference = quantile(evidence.samples(1), share);
  out.ruling.value = alone;
  out.ruling.limit = ratio * reference;
  out.ruling.trials = static_cast<int>(std::min(evidence.samples(batch).size(), evidence.samples(1).size()));
  if (batch == 1) {  // T(1) ≤ r·T(1) for every r ≥ 1
    out.ruling.verdict = Verdict::pass;
    return out;
  }
  out.wants = measured_again(evidence, batch, /*and_one=*/true, rules);
  if (out.wants) return out;
  out.ruling.verdict = rule_ratio_far(evidence, batch, out.ruling, share, timing, rules);
  if (out.ruling.verdict != Verdict::undecided) return out;

  const auto pairs = evidence.pairs(1, batch);
  Trials trials{static_cast<int>(pairs.size()), 0, level_of(batch, evidence.compared(1), rules), share};
  if (share != the_median) trials.alpha /= 2;  // a bound of each batch
  if (!pairs.empty()) {
    out.ruling.trials = trials.made;
    share == the_median ? rule_pairs(out, pairs, ratio, reference, trials)
                        : rule_percentiles(out, pairs, ratio, trials);
    if (out.ruling.verdict != Verdict::undecided) return out;
  }
  const int most = most_trials(share, alone + reference, rules);
  int more = more_trials(trials, most, rules);
  // Two bounds must close in, of which the test under way is only one: it cannot say how much is enough.
  if (more > 0 && share != the_median && !pairs.empty()) more = std::min(trials.made, most - trials.made);
  if (more > 0) out.wants = Compare{1, batch, more};
  out.why = pairs.empty() && more == 0 ? too_slow : too_close;
  return out;
}

LatencyRuling rule_bound(const Evidence& evidence, Batch batch, Seconds bound, double share, Timing timing,
                         const JudgeRules& rules) {
  LatencyRuling out;
  const std::vector<Seconds> samples = evidence.samples(batch);
  const auto within = std::count_if(samples.begin(), samples.end(), [&](Seconds s) { return s <= bound; });
  const Trials trials{static_cast<int>(samples.size()), static_cast<int>(within),
                      level_of(batch, evidence.observed_in_order(), rules), share};
  out.ruling.value = quantile(samples, share);
  out.ruling.limit = bound;
  out.ruling.trials = trials.made;
  out.wants = measured_again(evidence, batch, /*and_one=*/false, rules);
  if (out.wants) return out;
  out.ruling.verdict = sign_test(trials.made, trials.successes, trials.alpha, share);
  if (out.ruling.verdict == Verdict::undecided) {
    const Verdict far =
        rule_far(samples, bound, relative_spread(samples), far_of(evidence, timing, rules), rules);
    // No percentile is below the median; how far above it one is, few samples do not say.
    if (share == the_median || far == Verdict::fail) out.ruling.verdict = far;
  }
  if (out.ruling.verdict != Verdict::undecided) return out;
  const int more = more_trials(trials, most_trials(share, median(samples), rules), rules);
  if (more > 0) out.wants = Measure{batch, std::max(more, rules.few_samples)};
  out.why = more == 0 && trials.made < rules.least_to_give_up && share != the_median ? too_slow : too_close;
  return out;
}

}  // namespace

LatencyRuling rule_latency(const Evidence& evidence, Batch batch, const Limits& limits, Timing timing,
                           const JudgeRules& rules) {
  const double share = limits.percentile / 100;
  const auto* ratio = std::get_if<LatencyRatio>(&limits.latency);
  const auto* bound = std::get_if<LatencyBound>(&limits.latency);
  LatencyRuling out = ratio != nullptr ? rule_ratio(evidence, batch, ratio->ratio, share, timing, rules)
                                       : rule_bound(evidence, batch, bound->seconds, share, timing, rules);
  out.ruling.percentile = limits.percentile;
  return out;
}

}  // namespace batchfit
