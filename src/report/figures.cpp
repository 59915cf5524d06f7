#include "report/figures.h"

#include <algorithm>
#include <cmath>

#include "facts/summary.h"

namespace batchfit {
namespace {

int count_faults(const Evidence& evidence, Batch batch) {
  const auto records = evidence.records();
  return static_cast<int>(std::count_if(records.begin(), records.end(), [&](const Record& record) {
    const auto* fault = std::get_if<Fault>(&record);
    return fault != nullptr && fault->batch == batch;
  }));
}

std::optional<double> share(const std::optional<LimitRuling>& ruling) {
  if (!ruling || ruling->limit <= 0) return std::nullopt;
  return ruling->value / ruling->limit;
}

}  // namespace

BatchFigures figures_of(const Evidence& evidence, Batch batch) {
  BatchFigures out;
  out.batch = batch;
  out.faults = count_faults(evidence, batch);
  const Observation* observation = evidence.observation(batch);
  if (observation == nullptr) {
    const auto faults = evidence.faults_in_a_row(batch);
    if (!faults.empty()) out.reason = faults.back()->detail;
    return out;
  }
  out.outcome = observation->outcome;
  out.reason = observation->reason;
  if (const auto retries = observation->alloc_retries.value_or(0); out.reason.empty() && retries > 0) {
    out.reason = "the allocator had to release its cache " + std::to_string(retries) +
                 (retries == 1 ? " time" : " times");
  }
  out.own_memory = observation->memory.own();
  out.allocated_peak = observation->memory.allocated_peak;
  out.reserved_peak = observation->memory.reserved_peak;
  const std::vector<Seconds> samples = evidence.samples(batch);
  if (samples.empty()) return out;
  const auto [least, most] = std::minmax_element(samples.begin(), samples.end());
  out.samples = static_cast<int>(samples.size());
  out.latency = median(samples);
  out.latency_min = *least;
  out.latency_max = *most;
  if (*out.latency > 0) out.throughput = static_cast<double>(batch) / *out.latency;
  return out;
}

std::vector<BatchFigures> figures_of(const Evidence& evidence) {
  std::vector<BatchFigures> all;
  for (const Batch batch : evidence.tried()) all.push_back(figures_of(evidence, batch));
  return all;
}

AnswerFigures answer_figures(const TunedWorkload& tuned) {
  AnswerFigures out;
  const auto& best = tuned.answer.best;
  if (tuned.error || !best) return out;
  const BatchFigures at_best = figures_of(tuned.evidence, best->batch);
  const BatchFigures at_one = figures_of(tuned.evidence, 1);
  out.batch = best->batch;
  out.latency = at_best.latency;
  out.latency_share = share(best->latency);
  out.memory = best->memory ? std::optional(static_cast<Bytes>(std::llround(best->memory->value)))
                            : at_best.own_memory;
  out.memory_share = share(best->memory);
  out.throughput = at_best.throughput;
  if (at_best.throughput && at_one.throughput) out.speed_up = *at_best.throughput / *at_one.throughput;
  out.limited_by = tuned.answer.limiter();
  return out;
}

}  // namespace batchfit
