#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "forecast/forecast.h"
#include "report/cost.h"
#include "report/distribution.h"
#include "report/figures.h"
#include "tune/tuned.h"

namespace batchfit {

/// The inputs of a workload that are not all alike, and what the answer is worth over them.
struct MixtureReport {
  std::string told;                              ///< "length 128 to 2048"
  std::map<std::string, std::int64_t> largest;   ///< the sizes at which the limits were judged
  DistributionFigures figures;                   ///< without inputs where there is no answer
  std::vector<std::optional<std::string>> keys;  ///< in the cache, one an input
};

/// One workload as reports show it: all figures, and no raw record.
struct WorkloadReport {
  std::string model;
  std::optional<Subject> subject;
  std::vector<std::string> notes;
  std::optional<Error> error;
  Answer answer;  ///< without its observations, which `batches` sums up
  AnswerFigures figures;
  std::optional<Batch> launch_bound_up_to;
  std::vector<Relaxation> relaxations;
  std::optional<Price> price;
  std::vector<Processing> processing;
  std::optional<Confirmation> confirmation;
  std::optional<MixtureReport> mixture;
  std::optional<TunedPipeline> pipeline;
  Environment environment;
  int probes = 0;
  Seconds seconds = 0;
  bool from_cache = false;
  std::vector<BatchFigures> batches;     ///< ascending
  std::vector<Forecast> forecasts;       ///< in the order in which their batches ran
  std::vector<std::string> certificate;  ///< sentences for people

  bool simulated() const { return subject && subject->device.kind == "sim"; }
};

/// One run as reports show it. All that reports print is here, and comes from the results' JSON as well as
/// from the run itself (docs/results.md), so that both give the same report.
struct RunReport {
  std::string version;
  std::vector<std::string> command;
  double started_at = 0;
  Limits limits;
  std::string strategy;
  Objective objective;
  std::int64_t items = 1'000'000;  ///< that `processing` is about
  Seconds seconds = 0;
  Seconds nvml_seconds = 0;
  std::vector<WorkloadReport> workloads;
};

/// What a report adds to what was measured.
struct ReportOptions {
  std::int64_t items = 1'000'000;
  std::optional<double> usd_per_hour;  ///< absent: the list price, where there is one
  bool verbose = false;                ///< certificates with the conditions of every batch
};

/// All figures of the run.
RunReport report_of(const TuneRun& run, const ReportOptions& options = {});

/// Whether a language model is among the answers: only then are there tokens to tell of.
bool tells_tokens(const RunReport& run);

/// Works the costs out anew: for other items, or for a price that the user names.
void put_costs(RunReport& run, std::int64_t items, const std::optional<double>& usd_per_hour);

}  // namespace batchfit
