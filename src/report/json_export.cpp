#include "report/json_export.h"

#include <algorithm>

#include "forecast/hindcast.h"
#include "report/distribution.h"
#include "report/figures.h"
#include "report/forecast_table.h"

namespace batchfit {
namespace {

constexpr const char* results_format = "batchfit-results";
constexpr int results_version = 1;

// Below this depth a value stands on one line: the run, its workloads, their lists and then one entry a line.
constexpr int deepest_broken_line = 3;

template <class T>
void put(Json& json, const char* name, const std::optional<T>& value) {
  if (value) json[name] = *value;
}

void put_text(Json& json, const char* name, const std::string& text) {
  if (!text.empty()) json[name] = text;
}

Json limits_json(const Limits& limits) {
  Json json;
  if (const auto* own = std::get_if<OwnMemory>(&limits.memory)) json["own_memory_bytes"] = own->bytes;
  if (const auto* share = std::get_if<MemoryShare>(&limits.memory)) json["memory_share"] = share->share;
  if (const auto* ratio = std::get_if<LatencyRatio>(&limits.latency)) json["latency_ratio"] = ratio->ratio;
  if (const auto* bound = std::get_if<LatencyBound>(&limits.latency)) json["latency_s"] = bound->seconds;
  if (limits.percentile != 50) json["latency_percentile"] = limits.percentile;
  return json;
}

Json limit_json(const LimitRuling& ruling) {
  return {{"verdict", name_of(ruling.verdict)}, {"margin", ruling.margin()}};
}

Json ruling_json(const Ruling& ruling) {
  Json json = {{"batch", ruling.batch}, {"verdict", name_of(ruling.verdict)}};
  put_text(json, "why", ruling.why);
  if (ruling.memory) {
    json["memory"] = limit_json(*ruling.memory);
    json["memory"]["value_bytes"] = static_cast<Bytes>(ruling.memory->value);
    json["memory"]["limit_bytes"] = static_cast<Bytes>(ruling.memory->limit);
  }
  if (ruling.latency) {
    json["latency"] = limit_json(*ruling.latency);
    json["latency"]["value_s"] = ruling.latency->value;
    json["latency"]["limit_s"] = ruling.latency->limit;
    json["latency"]["trials"] = ruling.latency->trials;
    if (ruling.latency->percentile != 50) json["latency"]["percentile"] = ruling.latency->percentile;
  }
  return json;
}

Json figures_json(const BatchFigures& figures) {
  Json json = {{"batch", figures.batch}};
  if (figures.outcome) json["outcome"] = name_of(*figures.outcome);
  put_text(json, "reason", figures.reason);
  if (figures.samples > 0) json["samples"] = figures.samples;
  put(json, "latency_s", figures.latency);
  put(json, "latency_min_s", figures.latency_min);
  put(json, "latency_max_s", figures.latency_max);
  put(json, "eager_latency_s", figures.eager_latency);
  put(json, "first_token_s", figures.first_token);
  put(json, "throughput_per_s", figures.throughput);
  put(json, "own_memory_bytes", figures.own_memory);
  put(json, "allocated_peak_bytes", figures.allocated_peak);
  put(json, "reserved_peak_bytes", figures.reserved_peak);
  if (!figures.marks.empty()) json["marks"] = figures.marks;
  if (figures.faults > 0) json["faults"] = figures.faults;
  return json;
}

Json answer_json(const TunedWorkload& tuned) {
  const Answer& answer = tuned.answer;
  const AnswerFigures figures = answer_figures(tuned);
  Json json = Json::object();
  put(json, "batch", figures.batch);
  put_text(json, "why", answer.why);
  put(json, "limited_by", figures.limited_by);
  put(json, "latency_s", figures.latency);
  put(json, "latency_share", figures.latency_share);
  put(json, "memory_bytes", figures.memory);
  put(json, "memory_share", figures.memory_share);
  put(json, "throughput_per_s", figures.throughput);
  put(json, "tokens_per_s", figures.tokens);
  put(json, "token_interval_s", figures.token_interval);
  put(json, "speed_up", figures.speed_up);
  if (answer.best) json["best"] = ruling_json(*answer.best);
  if (answer.next) json["next"] = ruling_json(*answer.next);
  json["neighbour_judged"] = answer.neighbour_judged;
  json["undecided"] = Json::array();
  for (const Ruling& ruling : answer.undecided) json["undecided"].push_back(ruling_json(ruling));
  put(json, "launch_bound_up_to", launch_bound_up_to(tuned.evidence));
  put(json, "drift", answer.drift);
  if (answer.cut_short) json["cut_short"] = true;
  json["max_batch"] = answer.max_batch;
  if (tuned.evidence.observation(1) != nullptr) json["at_one"] = figures_json(figures_of(tuned.evidence, 1));
  if (answer.best) json["at_best"] = figures_json(figures_of(tuned.evidence, answer.best->batch));
  return json;
}

Json input_json(const InputFigures& input, const DistributionPoint& point) {
  Json json = figures_json(input.figures);
  json["shape"] = input.input.sizes;
  json["weight"] = input.input.weight;
  if (point.subject) json["key"] = key_of(*point.subject);
  return json;
}

Json distribution_json(const TunedWorkload& tuned) {
  Json json = {{"inputs", tuned.distribution->told}, {"points", Json::array()}};
  const auto figures = distribution_figures(tuned);
  if (!figures) return json;
  put(json, "throughput_per_s", figures->throughput);
  put(json, "latency_decided_by", figures->latency_decider);
  put(json, "memory_decided_by", figures->memory_decider);
  put(json, "holds", figures->holds);
  for (std::size_t i = 0; i < figures->inputs.size(); ++i)
    json["points"].push_back(input_json(figures->inputs[i], tuned.distribution->points[i]));
  return json;
}

/// Everything measured but the traces: those can hold megabytes, stay in the journal, and no report needs
/// them.
Json records_json(const Evidence& evidence) {
  Json records = Json::array();
  for (const Record& record : evidence.records()) {
    if (!std::holds_alternative<AllocationTrace>(record)) records.push_back(to_json(record));
  }
  return records;
}

/// What was said of each batch before it ran; of a cached answer nothing, for it must come at once.
Json forecasts_json(const TunedWorkload& tuned) {
  Json forecasts = Json::array();
  if (!tuned.subject || tuned.from_cache) return forecasts;
  const ForecastOptions options{element_bytes(tuned.subject->workload.dtype)};
  for (const Forecast& forecast : forecasts_before_runs(tuned.evidence, options)) {
    forecasts.push_back(forecast_json(forecast));
    forecasts.back()["batch"] = forecast.batch;
  }
  return forecasts;
}

std::string_view name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::runtime:
      break;
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::unavailable:
      return "unavailable";
    case ErrorKind::protocol:
      return "protocol";
    case ErrorKind::corrupt:
      return "corrupt";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::interrupted:
      return "interrupted";
  }
  return "runtime";
}

Json confirmation_json(const Confirmation& confirmation) {
  Json json = {{"batch", confirmation.batch},
               {"seconds", confirmation.seconds},
               {"ruling", ruling_json(confirmation.ruling)}};
  put(json, "drift", confirmation.drift);
  put(json, "memory_growth_bytes", confirmation.memory_growth);
  if (!confirmation.throttle_reasons.empty()) json["throttle_reasons"] = confirmation.throttle_reasons;
  return json;
}

Json workload_json(const TunedWorkload& tuned) {
  Json json = {
      {"model", tuned.model},     {"status", name_of(tuned.error ? Status::failed : tuned.answer.status)},
      {"notes", tuned.notes},     {"probes", tuned.probes},
      {"seconds", tuned.seconds}, {"from_cache", tuned.from_cache}};
  if (tuned.subject) {
    json["subject"] = to_json(*tuned.subject);
    json["key"] = key_of(*tuned.subject);
  }
  if (tuned.error) {
    json["error"] = {{"kind", name_of(tuned.error->kind)}, {"message", tuned.error->message}};
    put_text(json["error"], "remedy", tuned.error->remedy);
  } else {
    json["answer"] = answer_json(tuned);
  }
  if (tuned.distribution) json["distribution"] = distribution_json(tuned);
  if (tuned.confirmation) json["confirmation"] = confirmation_json(*tuned.confirmation);
  if (tuned.environment.total > 0) json["environment"]["total_bytes"] = tuned.environment.total;
  if (tuned.environment.others) json["environment"]["others_bytes"] = *tuned.environment.others;
  json["batches"] = Json::array();
  for (const BatchFigures& figures : figures_of(tuned.evidence))
    json["batches"].push_back(figures_json(figures));
  json["forecasts"] = forecasts_json(tuned);
  json["records"] = records_json(tuned.evidence);
  return json;
}

void print(std::string& out, const Json& json, int depth) {
  const bool has_parts = json.is_structured() && std::any_of(json.begin(), json.end(), [](const Json& part) {
                           return part.is_structured();
                         });
  if (!has_parts || depth > deepest_broken_line) {
    out += dump_json(json);
    return;
  }
  out += json.is_object() ? '{' : '[';
  const std::string line = "\n" + std::string(static_cast<std::size_t>(depth) + 1, ' ');
  bool first = true;
  for (const auto& item : json.items()) {
    out += (first ? "" : ",") + line;
    if (json.is_object()) out += dump_json(item.key()) + ": ";
    print(out, item.value(), depth + 1);
    first = false;
  }
  out += json.is_object() ? '}' : ']';
}

}  // namespace

Json results_json(const TuneRun& run) {
  Json json = {{"format", results_format},         {"version", results_version},
               {"batchfit", run.version},          {"command", run.command},
               {"started_at", run.started_at},     {"limits", limits_json(run.limits)},
               {"strategy", run.strategy},         {"seconds", run.seconds},
               {"nvml_seconds", run.nvml_seconds}, {"workloads", Json::array()}};
  for (const TunedWorkload& tuned : run.workloads) json["workloads"].push_back(workload_json(tuned));
  return json;
}

std::string export_json(const TuneRun& run) {
  std::string out;
  print(out, results_json(run), 0);
  return out + "\n";
}

}  // namespace batchfit
