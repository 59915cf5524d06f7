#include "report/run_report.h"

#include <algorithm>

#include "facts/json.h"
#include "forecast/hindcast.h"
#include "report/certificate.h"

namespace batchfit {
namespace {

std::optional<Price> price_of(const WorkloadReport& workload, const std::optional<double>& usd_per_hour) {
  if (usd_per_hour) return Price{*usd_per_hour, "--price", false};
  return workload.subject ? list_price(workload.subject->device) : std::nullopt;
}

std::optional<double> usd_per_million_tokens(const WorkloadReport& workload) {
  const auto& tokens = workload.figures.tokens;
  if (!workload.price || !tokens || *tokens <= 0) return std::nullopt;
  constexpr double million = 1e6, seconds_of_hour = 3600;
  return workload.price->usd_per_hour / seconds_of_hour * million / *tokens;
}

MixtureReport mixture_of(const TunedWorkload& tuned) {
  MixtureReport out{tuned.distribution->told, tuned.distribution->largest, {}, {}};
  auto figures = distribution_figures(tuned);
  if (!figures) return out;
  out.figures = std::move(*figures);
  for (const DistributionPoint& point : tuned.distribution->points) {
    out.keys.push_back(point.subject ? std::optional(key_of(*point.subject)) : std::nullopt);
  }
  return out;
}

/// What was said of each batch before it ran; of a cached answer nothing, for it must come at once.
std::vector<Forecast> forecasts_of(const TunedWorkload& tuned) {
  if (!tuned.subject || tuned.from_cache) return {};
  return forecasts_before_runs(tuned.evidence, {element_bytes(tuned.subject->workload.dtype)});
}

WorkloadReport report_of(const TunedWorkload& tuned, const Limits& limits, bool verbose) {
  WorkloadReport out;
  out.model = tuned.model;
  out.subject = tuned.subject;
  out.notes = tuned.notes;
  out.error = tuned.error;
  out.answer = tuned.answer;
  out.figures = answer_figures(tuned);
  out.launch_bound_up_to = launch_bound_up_to(tuned.evidence);
  out.relaxations = tuned.relaxations;
  out.confirmation = tuned.confirmation;
  out.pipeline = tuned.pipeline;
  if (tuned.distribution) out.mixture = mixture_of(tuned);
  out.environment = tuned.environment;
  out.probes = tuned.probes;
  out.seconds = tuned.seconds;
  out.from_cache = tuned.from_cache;
  out.batches = figures_of(tuned.evidence);
  for (BatchFigures& batch : out.batches) {
    if (tuned.subject) batch.tokens = tokens_per_second(batch, tuned.subject->workload);
  }
  out.forecasts = forecasts_of(tuned);
  out.certificate = certificate(tuned, limits, verbose);
  return out;
}

}  // namespace

RunReport report_of(const TuneRun& run, const ReportOptions& options) {
  RunReport out;
  out.version = run.version;
  out.command = run.command;
  out.started_at = run.started_at;
  out.limits = run.limits;
  out.strategy = run.strategy;
  out.objective = run.objective;
  out.seconds = run.seconds;
  out.nvml_seconds = run.nvml_seconds;
  for (const TunedWorkload& tuned : run.workloads) {
    out.workloads.push_back(report_of(tuned, run.limits, options.verbose));
  }
  put_costs(out, options.items, options.usd_per_hour);
  return out;
}

bool tells_tokens(const RunReport& run) {
  return std::any_of(run.workloads.begin(), run.workloads.end(),
                     [](const WorkloadReport& workload) { return workload.figures.tokens.has_value(); });
}

void put_costs(RunReport& run, std::int64_t items, const std::optional<double>& usd_per_hour) {
  run.items = items;
  for (WorkloadReport& workload : run.workloads) {
    workload.price = price_of(workload, usd_per_hour);
    workload.figures.usd_per_million_tokens = usd_per_million_tokens(workload);
    workload.processing.clear();
    if (!workload.error)
      workload.processing = processing(workload.batches, workload.answer, items, workload.price);
  }
}

}  // namespace batchfit
