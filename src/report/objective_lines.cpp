#include "report/objective_lines.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "report/wording.h"

namespace batchfit {
namespace {

/// "9 % more", "0.4 % fewer".
std::string more_text(double gain) {
  return difference_text(std::abs(gain)) + (gain < 0 ? " fewer" : " more");
}

/// What the objective compares, of one batch: "5,314 items/s", "0.021 J an item".
std::string worth_text(const TunedWorkload& tuned, Batch batch) {
  const BatchFigures figures = figures_of(tuned.evidence, batch);
  if (tuned.answer.objective.goal == Goal::energy)
    return or_unknown(figures.energy_per_item, joules_text) + " an item";
  return or_unknown(figures.throughput, throughput_text) + " items/s";
}

/// Batches of the grid that other objectives choose from and that were not measured.
std::size_t unmeasured_of_grid(const TunedWorkload& tuned) {
  const auto grid = objective_grid(tuned.answer.largest->batch);
  return static_cast<std::size_t>(std::count_if(
      grid.begin(), grid.end(), [&](Batch batch) { return tuned.evidence.observation(batch) == nullptr; }));
}

void add_near_ties(std::vector<std::string>& lines, const TunedWorkload& tuned, const Choice& choice) {
  if (choice.batch == choice.top) return;
  const auto tie = std::find_if(choice.near_ties.begin(), choice.near_ties.end(),
                                [&](const NearTie& one) { return one.batch == choice.batch; });
  lines.push_back(
      fmt::format("batch {} measured best, {}; batch {} is {} behind, which is within the noise: the "
                  "smaller one is preferred",
                  choice.top, worth_text(tuned, choice.top), choice.batch, difference_text(tie->behind)));
}

std::string step_text(const Limits& limits, Relaxation::Of which) {
  return which == Relaxation::Of::latency ? describe_latency(limits) : describe_memory(limits);
}

}  // namespace

std::vector<std::string> objective_lines(const TunedWorkload& tuned) {
  const Answer& answer = tuned.answer;
  const Goal goal = answer.objective.goal;
  std::vector<std::string> lines;
  if (!answer.best || goal == Goal::largest) return lines;
  const Batch largest = answer.largest->batch;
  const auto choice = answer.choices.find(goal);
  if (choice == answer.choices.end()) {
    lines.push_back(
        fmt::format("objective {}: what it compares is not known of any batch that passes, so the answer "
                    "is the largest",
                    name_of(goal)));
    return lines;
  }
  lines.push_back(fmt::format("objective {}: batch {} is the best of {} measured batches that pass, {}",
                              name_of(goal), answer.best->batch, answer.passing.size(),
                              worth_text(tuned, answer.best->batch)));
  add_near_ties(lines, tuned, choice->second);
  if (answer.best->batch < largest) {
    lines.push_back(fmt::format("the largest {}batch that passes is {}, {}",
                                answer.neighbour_judged ? "" : "measured ", largest,
                                worth_text(tuned, largest)));
  }
  if (const auto missing = unmeasured_of_grid(tuned); missing > 0) {
    lines.push_back(
        fmt::format("unproven: {} of the batches that an objective chooses from were not measured; "
                    "--explore measures them",
                    missing));
  } else if (static_cast<Batch>(answer.passing.size()) < largest) {
    lines.push_back("unproven: batches between the measured ones were not looked at");
  }
  return lines;
}

std::vector<std::string> relaxation_lines(const TunedWorkload& tuned, const Limits& limits) {
  std::vector<std::string> lines;
  for (const Relaxation& one : tuned.relaxations) {
    lines.push_back(fmt::format("{} {} -> {}: batch {} -> {}, {} items/s (of those measured)",
                                one.limit == Relaxation::Of::latency ? "latency" : "memory",
                                step_text(limits, one.limit), step_text(one.limits, one.limit),
                                tuned.answer.best->batch, one.batch, more_text(one.throughput_gain)));
  }
  return lines;
}

std::string cost_line(const WorkloadReport& workload, std::int64_t items) {
  std::string line;
  for (const Processing& one : workload.processing) {
    if (one.at != "batch 1" && one.at != "answer") continue;
    if (one.at == "answer" && one.batch == 1) continue;
    line += fmt::format("{}{} at batch {}", line.empty() ? count_text(items) + " items take " : "; ",
                        long_time_text(one.seconds), count_text(one.batch));
    if (one.usd) line += ", " + usd_text(*one.usd);
    if (one.kwh) line += ", " + kwh_text(*one.kwh);
  }
  if (!line.empty() && workload.price && workload.price->is_default)
    line += fmt::format(" (default: {} an hour, {})", usd_text(workload.price->usd_per_hour),
                        workload.price->source);
  return line;
}

}  // namespace batchfit
