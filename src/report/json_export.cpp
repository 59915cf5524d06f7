#include "report/json_export.h"

#include <algorithm>
#include <cmath>

#include "report/distribution.h"
#include "report/forecast_table.h"
#include "report/video_table.h"
#include "report/wording.h"

namespace batchfit {
namespace {

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
    LimitRuling whole = *ruling.memory;  // a share of the device need not be whole bytes
    whole.value = std::floor(whole.value);
    whole.limit = std::floor(whole.limit);
    json["memory"] = limit_json(whole);
    json["memory"]["value_bytes"] = static_cast<Bytes>(whole.value);
    json["memory"]["limit_bytes"] = static_cast<Bytes>(whole.limit);
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
  put(json, "latency_error", figures.latency_error);
  put(json, "eager_latency_s", figures.eager_latency);
  put(json, "first_token_s", figures.first_token);
  put(json, "throughput_per_s", figures.throughput);
  put(json, "tokens_per_s", figures.tokens);
  put(json, "energy_per_item_j", figures.energy_per_item);
  put(json, "own_memory_bytes", figures.own_memory);
  put(json, "allocated_peak_bytes", figures.allocated_peak);
  put(json, "reserved_peak_bytes", figures.reserved_peak);
  if (!figures.marks.empty()) json["marks"] = figures.marks;
  if (figures.faults > 0) json["faults"] = figures.faults;
  return json;
}

Json choices_json(const Answer& answer) {
  Json json = Json::object();
  for (const auto& [goal, choice] : answer.choices) {
    Json& one = json[std::string(name_of(goal))];
    one = {{"batch", choice.batch}, {"top", choice.top}};
    for (const auto& [batch, behind] : choice.near_ties) {
      one["near_ties"].push_back({{"batch", batch}, {"behind", behind}});
    }
  }
  return json;
}

/// The figures of a batch, where it was tried.
const BatchFigures* find(const std::vector<BatchFigures>& batches, Batch batch) {
  const auto at = std::find_if(batches.begin(), batches.end(),
                               [batch](const BatchFigures& figures) { return figures.batch == batch; });
  return at == batches.end() ? nullptr : &*at;
}

Json answer_json(const WorkloadReport& workload) {
  const Answer& answer = workload.answer;
  const AnswerFigures& figures = workload.figures;
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
  put(json, "usd_per_million_tokens", figures.usd_per_million_tokens);
  put(json, "speed_up", figures.speed_up);
  if (answer.best) json["best"] = ruling_json(*answer.best);
  if (answer.largest) json["largest"] = ruling_json(*answer.largest);
  if (answer.next) json["next"] = ruling_json(*answer.next);
  json["neighbour_judged"] = answer.neighbour_judged;
  json["undecided"] = Json::array();
  for (const Ruling& ruling : answer.undecided) json["undecided"].push_back(ruling_json(ruling));
  if (!answer.choices.empty()) json["choices"] = choices_json(answer);
  if (!answer.passing.empty()) json["passing"] = answer.passing;
  if (!answer.front.empty()) json["front"] = answer.front;
  put(json, "knee", answer.knee);
  put(json, "launch_bound_up_to", workload.launch_bound_up_to);
  put(json, "drift", answer.drift);
  if (answer.cut_short) json["cut_short"] = true;
  json["max_batch"] = answer.max_batch;
  if (const auto* one = find(workload.batches, 1); one != nullptr && one->outcome)
    json["at_one"] = figures_json(*one);
  if (answer.best) json["at_best"] = figures_json(*find(workload.batches, answer.best->batch));
  return json;
}

Json input_json(const InputFigures& input, const std::optional<std::string>& key) {
  Json json = figures_json(input.figures);
  json["shape"] = input.input.sizes;
  json["weight"] = input.input.weight;
  put(json, "key", key);
  return json;
}

Json mixture_json(const MixtureReport& mixture) {
  Json json = {{"inputs", mixture.told}, {"largest", mixture.largest}, {"points", Json::array()}};
  put(json, "throughput_per_s", mixture.figures.throughput);
  put(json, "latency_decided_by", mixture.figures.latency_decider);
  put(json, "memory_decided_by", mixture.figures.memory_decider);
  put(json, "holds", mixture.figures.holds);
  for (std::size_t i = 0; i < mixture.figures.inputs.size(); ++i)
    json["points"].push_back(input_json(mixture.figures.inputs[i], mixture.keys[i]));
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

Json forecasts_json(const std::vector<Forecast>& forecasts) {
  Json json = Json::array();
  for (const Forecast& forecast : forecasts) {
    json.push_back(forecast_json(forecast));
    json.back()["batch"] = forecast.batch;
  }
  return json;
}

Json relaxation_json(const Relaxation& relaxation) {
  return {{"limit", relaxation.limit == Relaxation::Of::latency ? "latency" : "memory"},
          {"steps", relaxation.steps},
          {"limits", limits_json(relaxation.limits)},
          {"batch", relaxation.batch},
          {"throughput_gain", relaxation.throughput_gain}};
}

Json processing_json(const Processing& processing) {
  Json json = {{"at", processing.at}, {"batch", processing.batch}, {"seconds", processing.seconds}};
  put(json, "usd", processing.usd);
  put(json, "kwh", processing.kwh);
  return json;
}

Json price_json(const Price& price) {
  return {{"usd_per_hour", price.usd_per_hour}, {"source", price.source}, {"default", price.is_default}};
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

Json workload_json(const WorkloadReport& workload) {
  Json json = {{"model", workload.model},
               {"status", name_of(workload.error ? Status::failed : workload.answer.status)},
               {"notes", workload.notes},
               {"probes", workload.probes},
               {"seconds", workload.seconds},
               {"from_cache", workload.from_cache},
               {"certificate", workload.certificate}};
  if (workload.subject) {
    json["subject"] = to_json(*workload.subject);
    json["key"] = key_of(*workload.subject);
    if (const auto& prompts = workload.subject->workload.prompts)
      json["padding_share"] = prompts->padding_share();
  }
  if (workload.error) {
    json["error"] = {{"kind", name_of(workload.error->kind)}, {"message", workload.error->message}};
    put_text(json["error"], "remedy", workload.error->remedy);
  } else {
    json["answer"] = answer_json(workload);
  }
  if (workload.mixture) json["distribution"] = mixture_json(*workload.mixture);
  if (workload.pipeline) json["video"] = pipeline_json(*workload.pipeline);
  if (workload.confirmation) json["confirmation"] = confirmation_json(*workload.confirmation);
  if (workload.environment.total > 0) json["environment"]["total_bytes"] = workload.environment.total;
  if (workload.environment.others) json["environment"]["others_bytes"] = *workload.environment.others;
  for (const Relaxation& one : workload.relaxations) json["relaxations"].push_back(relaxation_json(one));
  if (workload.price) json["price"] = price_json(*workload.price);
  for (const Processing& one : workload.processing) json["processing"].push_back(processing_json(one));
  json["batches"] = Json::array();
  for (const BatchFigures& figures : workload.batches) json["batches"].push_back(figures_json(figures));
  json["forecasts"] = forecasts_json(workload.forecasts);
  return json;
}

Json objective_json(const Objective& objective) {
  Json json = {{"goal", name_of(objective.goal)}};
  if (objective.goal == Goal::balanced) {
    const Balance& weights = objective.balance;
    json["balance"] = {{"throughput", weights.throughput},
                       {"latency", weights.latency},
                       {"memory", weights.memory},
                       {"energy", weights.energy}};
  }
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

Json results_json(const RunReport& run) {
  Json json = {{"format", results_format},
               {"version", results_version},
               {"batchfit", run.version},
               {"command", run.command},
               {"started_at", run.started_at},
               {"limits", limits_json(run.limits)},
               {"strategy", run.strategy},
               {"objective", objective_json(run.objective)},
               {"items", run.items},
               {"seconds", run.seconds},
               {"nvml_seconds", run.nvml_seconds},
               {"workloads", Json::array()}};
  for (const WorkloadReport& workload : run.workloads) json["workloads"].push_back(workload_json(workload));
  return json;
}

std::string export_json(const RunReport& run) {
  std::string out;
  print(out, results_json(run), 0);
  out += "\n";
  return out;
}

std::string export_json(const TuneRun& run, const RunReport& report) {
  Json json = results_json(report);
  for (std::size_t i = 0; i < run.workloads.size(); ++i) {
    json["workloads"][i]["records"] = records_json(run.workloads[i].evidence);
  }
  std::string out;
  print(out, json, 0);
  out += "\n";
  return out;
}

}  // namespace batchfit
