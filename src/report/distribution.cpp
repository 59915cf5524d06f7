#include "report/distribution.h"

#include <fmt/core.h>

#include <algorithm>

#include "report/wording.h"

namespace batchfit {
namespace {

// Two runs of the same differ by this in memory: by a segment of the allocator, or in a process's resident
// peak.
constexpr double memory_drift = 0.01;

InputFigures figures_of(const DistributionPoint& point, Batch batch) {
  Evidence evidence;
  if (point.observation) evidence.add(*point.observation);
  InputFigures out{point.input, figures_of(evidence, batch)};
  if (point.subject) out.figures.tokens = tokens_per_second(out.figures, point.subject->workload);
  if (point.error) out.figures.reason = point.error->message;
  if (!point.observation && !point.error) out.figures.reason = "the worker failed";
  return out;
}

std::optional<double> throughput_over(const std::vector<InputFigures>& inputs, Batch batch) {
  double weights = 0;
  double seconds = 0;
  for (const auto& [input, figures] : inputs) {
    if (!figures.latency) return std::nullopt;
    weights += input.weight;
    seconds += input.weight * *figures.latency;
  }
  if (seconds <= 0) return std::nullopt;
  return static_cast<double>(batch) * weights / seconds;
}

/// The input with the most of something, where that is beyond the largest input's by more than two runs of
/// the same can differ, or beyond the limit: what the largest input has left of it.
template <class T>
const InputFigures* beyond_largest(const std::vector<InputFigures>& inputs,
                                   std::optional<T> BatchFigures::*figure, double at_largest, double drift,
                                   double limit) {
  const InputFigures* most = nullptr;
  for (const InputFigures& input : inputs) {
    const std::optional<T>& value = input.figures.*figure;
    if (!value) continue;
    const auto number = static_cast<double>(*value);
    if (number <= at_largest * (1 + drift) && number <= limit) continue;
    if (most == nullptr || *value > *(most->figures.*figure)) most = &input;
  }
  return most;
}

const InputFigures* out_of_memory(const std::vector<InputFigures>& inputs) {
  const auto found = std::find_if(inputs.begin(), inputs.end(), [](const InputFigures& input) {
    return input.figures.outcome == Outcome::out_of_memory;
  });
  return found == inputs.end() ? nullptr : &*found;
}

double latency_drift(const TunedWorkload& tuned) {
  const JudgeRules rules;
  return tuned.subject->workload.timing == Timing::graph ? rules.far_graph : rules.far_eager;
}

/// Inputs that keep an answer from holding; null where there is none.
struct Worse {
  const InputFigures* slower = nullptr;
  const InputFigures* bigger = nullptr;
};

Worse worse_than_largest(const TunedWorkload& tuned, const std::vector<InputFigures>& inputs) {
  Worse worse;
  const Ruling& best = *tuned.answer.best;
  const BatchFigures largest = figures_of(tuned.evidence, best.batch);
  if (best.latency && largest.latency) {
    worse.slower = beyond_largest(inputs, &BatchFigures::latency, *largest.latency, latency_drift(tuned),
                                  std::max(best.latency->limit, *largest.latency));
  }
  if (best.memory && largest.own_memory) {
    const auto own = static_cast<double>(*largest.own_memory);
    const double left = std::max(0.0, best.memory->limit - best.memory->value);
    worse.bigger = out_of_memory(inputs);
    if (worse.bigger == nullptr)
      worse.bigger = beyond_largest(inputs, &BatchFigures::own_memory, own, memory_drift, own + left);
  }
  return worse;
}

std::vector<InputFigures> inputs_of(const TunedWorkload& tuned) {
  std::vector<InputFigures> inputs;
  for (const DistributionPoint& point : tuned.distribution->points) {
    inputs.push_back(figures_of(point, tuned.answer.best->batch));
  }
  return inputs;
}

bool has_figures(const TunedWorkload& tuned) {
  return tuned.distribution && !tuned.distribution->points.empty() && tuned.answer.best && tuned.subject;
}

/// The sizes that vary over the distribution; all of them where no input was measured.
std::string input_text(const TunedWorkload& tuned, std::map<std::string, std::int64_t> sizes) {
  const auto& points = tuned.distribution->points;
  const auto& largest = tuned.distribution->largest;
  const auto varies = [&](const auto& named) {
    return points.empty() || std::any_of(points.begin(), points.end(), [&](const DistributionPoint& point) {
             return point.input.sizes.at(named.first) != largest.at(named.first);
           });
  };
  std::erase_if(sizes, [&](const auto& named) { return !varies(named); });
  return sizes_text(sizes);
}

std::string largest_text(const TunedWorkload& tuned) {
  return input_text(tuned, tuned.distribution->largest);
}

std::string slower_text(const TunedWorkload& tuned, const InputFigures& slower) {
  const LimitRuling& ruling = *tuned.answer.best->latency;
  const Seconds largest = *figures_of(tuned.evidence, tuned.answer.best->batch).latency;
  const auto [its, limit] = told_apart(*slower.figures.latency, ruling.limit);
  return fmt::format("takes {}, {} {}{}", its, largest_text(tuned), format_seconds(largest),
                     *slower.figures.latency > ruling.limit ? ", and breaks the limit of " + limit : "");
}

std::string bigger_text(const TunedWorkload& tuned, const InputFigures& bigger) {
  if (!bigger.figures.own_memory) return "is out of memory";
  const LimitRuling& ruling = *tuned.answer.best->memory;
  const Bytes largest = *figures_of(tuned.evidence, tuned.answer.best->batch).own_memory;
  const auto [its, of_largest] = told_apart(*bigger.figures.own_memory, largest);
  const bool breaks = static_cast<double>(*bigger.figures.own_memory - largest) > ruling.limit - ruling.value;
  return fmt::format("takes {} of memory, {} {}{}", its, largest_text(tuned), of_largest,
                     breaks ? ", and breaks the limit" : "");
}

void add_deciders(std::vector<std::string>& lines, const TunedWorkload& tuned,
                  const std::vector<InputFigures>& inputs) {
  const std::string largest = largest_text(tuned);
  const Worse worse = worse_than_largest(tuned, inputs);
  const auto add_worse = [&](const InputFigures* input, const char* limit, auto text) {
    if (input == nullptr) return;
    lines.push_back(fmt::format("not proven for every input: at batch {} {} {}; so {} decides the {} limit",
                                tuned.answer.best->batch, input_text(tuned, input->input.sizes),
                                text(tuned, *input), input_text(tuned, input->input.sizes), limit));
  };
  add_worse(worse.slower, "latency", slower_text);
  add_worse(worse.bigger, "memory", bigger_text);
  const bool latency = tuned.answer.best->latency && worse.slower == nullptr;
  const bool memory = tuned.answer.best->memory && worse.bigger == nullptr;
  if (latency || memory) {
    lines.push_back(fmt::format("{} decides {}", largest,
                                latency && memory ? "both limits"
                                : latency         ? "the latency limit"
                                                  : "the memory limit"));
  }
  for (const auto& [input, figures] : inputs) {
    if (figures.latency || figures.outcome == Outcome::out_of_memory) continue;
    lines.push_back(fmt::format("unproven: {} could not be measured: {}", input_text(tuned, input.sizes),
                                figures.reason));
  }
}

}  // namespace

std::string sizes_text(const std::map<std::string, std::int64_t>& sizes) {
  std::string text;
  for (const auto& [name, size] : sizes) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, size);
  return text;
}

std::optional<DistributionFigures> distribution_figures(const TunedWorkload& tuned) {
  if (!has_figures(tuned)) return std::nullopt;
  DistributionFigures out;
  out.inputs = inputs_of(tuned);
  out.throughput = throughput_over(out.inputs, tuned.answer.best->batch);
  const Worse worse = worse_than_largest(tuned, out.inputs);
  const auto decider = [&](const InputFigures* input) {
    return input != nullptr ? input->input.sizes : tuned.distribution->largest;
  };
  if (tuned.answer.best->latency) out.latency_decider = decider(worse.slower);
  if (tuned.answer.best->memory) out.memory_decider = decider(worse.bigger);
  const bool all_measured = std::all_of(out.inputs.begin(), out.inputs.end(), [](const InputFigures& input) {
    return input.figures.outcome == Outcome::measured;
  });
  if (worse.slower != nullptr || worse.bigger != nullptr) {
    out.holds = false;
  } else if (all_measured) {
    out.holds = true;
  }
  return out;
}

std::vector<std::string> distribution_lines(const TunedWorkload& tuned) {
  std::vector<std::string> lines;
  if (!tuned.distribution || !tuned.subject) return lines;
  const std::string largest = largest_text(tuned);
  lines.push_back(fmt::format("inputs: {}; the limits are judged at {}", tuned.distribution->told, largest));
  const auto figures = distribution_figures(tuned);
  if (!figures) return lines;
  const auto at_largest = figures_of(tuned.evidence, tuned.answer.best->batch).throughput;
  if (figures->throughput && at_largest) {
    lines.push_back(fmt::format("mixed/s: {} items a second over {} of these inputs; {} at {}",
                                throughput_text(*figures->throughput), figures->inputs.size(),
                                throughput_text(*at_largest), largest));
  }
  add_deciders(lines, tuned, figures->inputs);
  return lines;
}

}  // namespace batchfit
