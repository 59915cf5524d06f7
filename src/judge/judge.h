#pragma once

#include "facts/evidence.h"
#include "judge/limits.h"
#include "judge/rules.h"
#include "judge/verdict.h"

namespace batchfit {

/// The verdict on a batch, from the evidence alone; where more evidence would help, `wants` asks for it.
///
/// Memory is judged on solo probes: own memory plus what others hold now against the limit. Latency against a
/// ratio of T(1): far-off batches by solo samples, close ones by a sequential sign test over interleaved
/// pairs. A batch that was disturbed (Conditions::disturbed) is measured again a few times; where that stays
/// so, or does for batch 1, pairs decide, for both of a pair meet the disturbance alike. docs/judge.md says
/// what the test assumes. The k-th compared batch spends the k-th share of alpha.
Ruling judge(const Evidence& evidence, Batch batch, const Limits& limits, const Environment& environment,
             Timing timing, const JudgeRules& rules = {});

}  // namespace batchfit
