#include "report/forecast_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "facts/json.h"
#include "report/display.h"
#include "report/wording.h"

namespace batchfit {
namespace {

constexpr const char* forecasts_format = "batchfit-forecasts";
constexpr int forecasts_version = 1;

std::string workload_text(const Subject& subject) {
  const Workload& workload = subject.workload;
  return fmt::format("{} {}{}, {} timing, on {}", workload.model, workload.dtype,
                     workload.channels_last ? " channels-last" : "", name_of(workload.timing),
                     device_text(subject.device));
}

/// What was measured, or why nothing was.
std::string measured_text(const ForecastedBatch& entry) {
  const Observation* seen = entry.observation();
  if (seen == nullptr) return entry.records.empty() ? "not run" : "worker lost";
  if (seen->outcome == Outcome::out_of_memory) return "out of memory";
  if (seen->outcome == Outcome::failed) return "failed";
  return or_unknown(entry.measured(), format_bytes);
}

std::string own_text(const Forecast& forecast) { return format_bytes(forecast.own); }

std::string interval_text(const Forecast& forecast) {
  return format_bytes(forecast.low) + " to " + format_bytes(forecast.high);
}

/// "-0.12 %".
std::string error_text(double error) { return fmt::format("{:+.2f} %", error * 100); }

std::string line(const ForecastedBatch& entry) {
  const auto& said = entry.forecast;
  std::string text =
      fmt::format("{:>7}  {:>10}  {:>22}  {:>10}  {:>9}  {}", entry.batch, or_unknown(said, own_text),
                  or_unknown(said, interval_text), measured_text(entry),
                  or_unknown(entry.error(), error_text), said ? name_of(said->basis) : unknown_text);
  if (entry.beyond) text += ", over the limit's " + format_bytes(*entry.beyond);
  if (entry.inside() == false) text += ", outside the interval";
  return text + "\n";
}

std::string summary(const ForecastRun& run) {
  std::vector<double> errors;
  std::ptrdiff_t inside = 0;
  for (const ForecastedBatch& entry : run.batches) {
    if (const auto error = entry.error()) errors.push_back(std::abs(*error));
    if (entry.inside() == true) ++inside;
  }
  if (errors.empty()) return "";
  std::ranges::sort(errors);
  const std::size_t middle = errors.size() / 2;
  const double median = errors.size() % 2 == 1 ? errors[middle] : (errors[middle - 1] + errors[middle]) / 2;
  return fmt::format("error: median {:.2f} %, worst {:.2f} %; {} of {} inside the interval\n", median * 100,
                     errors.back() * 100, inside, errors.size());
}

Json batch_json(const ForecastedBatch& entry) {
  Json json = {{"batch", entry.batch},
               {"forecast_s", entry.forecast_seconds},
               {"from_cache", entry.from_cache},
               {"traced", std::ranges::any_of(entry.records, [](const Record& record) {
                  return std::holds_alternative<AllocationTrace>(record);
                })}};
  if (entry.forecast) json["forecast"] = forecast_json(*entry.forecast);
  if (entry.beyond) json["beyond_bytes"] = *entry.beyond;
  if (const Observation* seen = entry.observation()) {
    json["outcome"] = name_of(seen->outcome);
    if (!seen->reason.empty()) json["reason"] = seen->reason;
    json["took_s"] = seen->took;
    if (seen->memory.reserved_peak) json["reserved_peak_bytes"] = *seen->memory.reserved_peak;
    if (seen->memory.context) json["context_bytes"] = *seen->memory.context;
  }
  if (const auto own = entry.measured()) json["own_bytes"] = *own;
  if (const auto error = entry.error()) json["error"] = *error;
  if (const auto inside = entry.inside()) json["inside"] = *inside;
  return json;
}

}  // namespace

Json forecast_json(const Forecast& forecast) {
  Json json = {{"own_bytes", forecast.own},
               {"low_bytes", forecast.low},
               {"high_bytes", forecast.high},
               {"basis", name_of(forecast.basis)},
               {"crosses_regime", forecast.crosses_regime},
               {"reasons", forecast.reasons}};
  if (forecast.context) json["context_bytes"] = *forecast.context;
  return json;
}

std::string_view name_of(Basis basis) {
  switch (basis) {
    case Basis::measured:
      return "measured";
    case Basis::traces:
      return "traces";
    case Basis::one_trace:
      return "one trace";
    case Basis::peaks:
      break;
  }
  return "peaks";
}

std::string render_forecasts(const ForecastRun& run) {
  std::string out = printable(workload_text(run.subject)) + "\n";
  out += fmt::format("{:>7}  {:>10}  {:>22}  {:>10}  {:>9}  {}\n", "batch", "forecast", "interval",
                     "measured", "error", "from");
  for (const ForecastedBatch& entry : run.batches) out += line(entry);
  out += summary(run);
  for (const std::string& note : run.notes) out += printable(note) + "\n";
  return out;
}

std::string export_forecasts_json(const ForecastRun& run) {
  Json json = {{"format", forecasts_format}, {"version", forecasts_version}, {"batchfit", run.version},
               {"command", run.command},     {"started_at", run.started_at}, {"notes", run.notes},
               {"batches", Json::array()}};
  json["subject"] = to_json(run.subject);
  for (const ForecastedBatch& entry : run.batches) json["batches"].push_back(batch_json(entry));
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace batchfit
