#pragma once

#include <optional>
#include <string>

#include "facts/evidence.h"
#include "judge/limits.h"
#include "judge/rules.h"
#include "judge/verdict.h"

namespace batchfit {

/// The latency limit's part of a ruling.
struct LatencyRuling {
  LimitRuling ruling;
  std::optional<Probe> wants;  ///< what would bring an undecided one nearer to a decision
  std::string why;             ///< of one that stays undecided
};

/// The verdict on the batch's latency, from the evidence alone. The batch must have samples, and so must
/// batch 1 where the limit is a ratio; there must be a limit.
LatencyRuling rule_latency(const Evidence& evidence, Batch batch, const Limits& limits, Timing timing,
                           const JudgeRules& rules);

}  // namespace batchfit
