#pragma once

#include <string>
#include <vector>

#include "report/run_report.h"

namespace batchfit {

/// Why the objective chose the answer, a sentence each: against the largest batch that passes, near-ties,
/// what is unproven. Empty where the objective is the largest batch and joules were not asked for.
std::vector<std::string> objective_lines(const TunedWorkload& tuned);

/// What looser limits would buy, a sentence each: "latency 2x -> 2.2x: batch 11 -> 13, 9 % more items/s".
std::vector<std::string> relaxation_lines(const TunedWorkload& tuned, const Limits& limits);

/// "1,000,000 items take 3.0 min at batch 11, $0.20; 16.7 min at batch 1, $1.10". Empty where nothing is
/// known.
std::string cost_line(const WorkloadReport& workload, std::int64_t items);

}  // namespace batchfit
