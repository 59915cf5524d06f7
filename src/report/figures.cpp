#include "report/figures.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "facts/summary.h"

namespace batchfit {
namespace {

// An ordinary call's first kernel waits for its launch and its last ones do not: some per cent are not yet
// launch-bound.
constexpr double clearly_longer = 1.1;

int count_faults(const Evidence& evidence, Batch batch) {
  const auto records = evidence.records();
  return static_cast<int>(std::count_if(records.begin(), records.end(), [&](const Record& record) {
    const auto* fault = std::get_if<Fault>(&record);
    return fault != nullptr && fault->batch == batch;
  }));
}

void mark(std::vector<std::string>& marks, const std::string& what) {
  if (std::find(marks.begin(), marks.end(), what) == marks.end()) marks.push_back(what);
}

void mark(std::vector<std::string>& marks, const Conditions& conditions) {
  for (const std::string& reason : conditions.throttle_reasons) mark(marks, "throttled: " + reason);
  const Bytes before = conditions.others_before.value_or(0);
  const Bytes after = conditions.others_after.value_or(before);
  if (std::abs(after - before) > someone_else) {
    mark(marks, "another process took or gave back memory meanwhile");
  } else if (before > someone_else) {
    mark(marks, "another process was on the device");
  }
}

/// Of the records that its verdict rests on: an observation that a calmer one replaced is not one of them.
std::vector<std::string> marks_of(const Evidence& evidence, Batch batch) {
  std::vector<std::string> marks;
  const bool all = evidence.disturbed(batch);
  for (const Observation* seen : evidence.observations(batch)) {
    if (all || !seen->conditions.disturbed()) mark(marks, seen->conditions);
  }
  for (const Record& record : evidence.records()) {
    const auto* pairs = std::get_if<Comparison>(&record);
    if (pairs != nullptr && pairs->candidate == batch) mark(marks, pairs->conditions);
  }
  return marks;
}

/// A hiccup of the host only ever makes a call longer.
std::optional<Seconds> shortest_eager(const Evidence& evidence, Batch batch) {
  std::optional<Seconds> shortest;
  for (const Observation* seen : evidence.observations(batch)) {
    for (const Seconds sample : seen->eager_samples) shortest = std::min(shortest.value_or(sample), sample);
  }
  return shortest;
}

std::optional<double> size_of(const Workload& workload, const char* name) {
  const auto found = workload.shape.find(name);
  return found == workload.shape.end() ? std::nullopt : std::optional(static_cast<double>(found->second));
}

/// Tokens that a language model reads or makes for an item, of prompts their mean without padding; absent
/// where the workload is none of one.
std::optional<double> tokens_of_item(const Workload& workload) {
  if (workload.mode == "generate") return size_of(workload, "new");
  if (workload.mode == "decode") return 1;
  if (workload.mode != "prefill") return std::nullopt;
  const auto length = size_of(workload, "length");
  return length && workload.prompts ? *length * (1 - workload.prompts->padding_share()) : length;
}

void add_tokens(AnswerFigures& out, const BatchFigures& at_best, const Workload& workload) {
  const auto tokens = tokens_of_item(workload);
  out.tokens = tokens_per_second(at_best, workload);
  if (tokens && *tokens > 1 && at_best.first_token && at_best.latency) {
    out.token_interval = (*at_best.latency - *at_best.first_token) / (*tokens - 1);
  }
}

std::optional<double> share(const std::optional<LimitRuling>& ruling) {
  if (!ruling || ruling->limit <= 0) return std::nullopt;
  return ruling->value / ruling->limit;
}

}  // namespace

std::optional<double> tokens_per_second(const BatchFigures& figures, const Workload& workload) {
  const auto tokens = tokens_of_item(workload);
  if (!tokens || !figures.throughput) return std::nullopt;
  return *figures.throughput * *tokens;
}

BatchFigures figures_of(const Evidence& evidence, Batch batch) {
  BatchFigures out;
  out.batch = batch;
  out.faults = count_faults(evidence, batch);
  out.marks = marks_of(evidence, batch);
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
  out.eager_latency = shortest_eager(evidence, batch);
  if (!observation->first_token_samples.empty()) out.first_token = median(observation->first_token_samples);
  const std::vector<Seconds> samples = evidence.samples(batch);
  if (samples.empty()) return out;
  const auto [least, most] = std::minmax_element(samples.begin(), samples.end());
  out.samples = static_cast<int>(samples.size());
  out.latency = median(samples);
  out.latency_min = *least;
  out.latency_max = *most;
  const auto candidate = candidate_of(evidence, batch);
  out.latency_error = candidate->latency_error;
  if (candidate->energy_j) out.energy_per_item = *candidate->energy_j / static_cast<double>(batch);
  if (*out.latency > 0) out.throughput = static_cast<double>(batch) / *out.latency;
  return out;
}

std::vector<BatchFigures> figures_of(const Evidence& evidence) {
  std::vector<BatchFigures> all;
  for (const Batch batch : evidence.tried()) all.push_back(figures_of(evidence, batch));
  return all;
}

std::optional<Batch> launch_bound_up_to(const Evidence& evidence) {
  std::optional<Batch> last;
  for (const BatchFigures& figures : figures_of(evidence)) {
    if (!figures.eager_latency || !figures.latency) continue;
    if (*figures.eager_latency <= clearly_longer * *figures.latency) break;
    last = figures.batch;
  }
  return last;
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
  if (tuned.subject) add_tokens(out, at_best, tuned.subject->workload);
  if (at_best.throughput && at_one.throughput) out.speed_up = *at_best.throughput / *at_one.throughput;
  out.limited_by = tuned.answer.limiter();
  return out;
}

}  // namespace batchfit
