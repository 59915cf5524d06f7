#include "facts/json.h"

#define XXH_INLINE_ALL
#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>
#include <array>

#include "facts/fields.h"

namespace batchfit {
namespace {

template <class T>
void put(Json& json, const char* name, const std::optional<T>& value) {
  if (value) json[name] = *value;
}

Result<Timing> timing_from(const std::string& name) {
  if (name == "graph") return Timing::graph;
  if (name == "eager") return Timing::eager;
  return failure(ErrorKind::corrupt, "timing '" + name + "' is neither graph nor eager");
}

Json conditions_json(const Conditions& conditions) {
  Json json = Json::object();
  put(json, "sm_clock_mhz", conditions.sm_clock_mhz);
  put(json, "memory_clock_mhz", conditions.memory_clock_mhz);
  put(json, "temperature_c", conditions.temperature_c);
  put(json, "power_w", conditions.power_w);
  if (conditions.throttled()) json["throttle_reasons"] = conditions.throttle_reasons;
  put(json, "others_before_bytes", conditions.others_before);
  put(json, "others_after_bytes", conditions.others_after);
  return json;
}

Result<Conditions> conditions_from_json(const Json& json) {
  Fields fields(json, "conditions");
  Conditions conditions;
  fields.maybe("sm_clock_mhz", conditions.sm_clock_mhz);
  fields.maybe("memory_clock_mhz", conditions.memory_clock_mhz);
  fields.maybe("temperature_c", conditions.temperature_c);
  fields.maybe("power_w", conditions.power_w);
  fields.maybe("throttle_reasons", conditions.throttle_reasons);
  fields.maybe("others_before_bytes", conditions.others_before);
  fields.maybe("others_after_bytes", conditions.others_after);
  return fields.finish(conditions);
}

/// Absent, or null as a worker may write what it cannot tell.
void maybe_conditions(Fields& fields, Conditions& out) {
  const Json* conditions = fields.find("conditions");
  if (conditions != nullptr && !conditions->is_null()) fields.nested(conditions_from_json(*conditions), out);
}

void read_batch(Fields& fields, const char* name, Batch& out) {
  fields.required(name, out);
  if (out < 1) fields.fail(std::string("'") + name + "' is not 1 or more");
}

Json prompts_json(const PromptSet& prompts) {
  return {{"digest", prompts.digest},
          {"count", prompts.count},
          {"tokens", prompts.tokens},
          {"padding", prompts.padding}};
}

Result<PromptSet> prompts_from(const Json& json) {
  Fields fields(json, "prompts");
  PromptSet prompts;
  fields.required("digest", prompts.digest);
  fields.required("count", prompts.count);
  fields.required("tokens", prompts.tokens);
  fields.required("padding", prompts.padding);
  if (prompts.count < 1 || prompts.tokens < prompts.count) fields.fail("are fewer tokens than prompts");
  return fields.finish(std::move(prompts));
}

}  // namespace

std::string_view name_of(Timing timing) { return timing == Timing::graph ? "graph" : "eager"; }

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::measured:
      return "measured";
    case Outcome::rehearsed:
      return "rehearsed";
    case Outcome::out_of_memory:
      return "out_of_memory";
    case Outcome::failed:
      return "failed";
  }
  return "failed";
}

Result<Outcome> outcome_from(const std::string& name) {
  for (const Outcome outcome :
       {Outcome::measured, Outcome::rehearsed, Outcome::out_of_memory, Outcome::failed}) {
    if (name == name_of(outcome)) return outcome;
  }
  return failure(ErrorKind::corrupt, "outcome '" + name + "' is unknown");
}

Result<Json> parse_json(std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return failure(ErrorKind::corrupt, "not valid JSON");
  return json;
}

std::string dump_json(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

Json to_json(const Workload& workload) {
  Json json = {{"model", workload.model},
               {"weights", workload.weights},
               {"model_code", workload.model_code},
               {"dtype", workload.dtype},
               {"tf32", workload.tf32},
               {"channels_last", workload.channels_last},
               {"folded_batchnorm", workload.folded_batchnorm},
               {"include_copies", workload.include_copies},
               {"mode", workload.mode},
               {"input_shape", workload.input_shape},
               {"shape", workload.shape},
               {"timing", name_of(workload.timing)}};
  put(json, "threads", workload.threads);
  if (workload.prompts) json["prompts"] = prompts_json(*workload.prompts);
  return json;
}

Result<Workload> workload_from_json(const Json& json) {
  Fields fields(json, "workload");
  Workload workload;
  std::string timing;
  fields.required("model", workload.model);
  fields.required("weights", workload.weights);
  fields.required("model_code", workload.model_code);
  fields.required("dtype", workload.dtype);
  fields.maybe("tf32", workload.tf32);
  fields.maybe("channels_last", workload.channels_last);
  fields.maybe("folded_batchnorm", workload.folded_batchnorm);
  fields.maybe("include_copies", workload.include_copies);
  fields.required("mode", workload.mode);
  fields.maybe("input_shape", workload.input_shape);
  fields.maybe("shape", workload.shape);
  fields.required("timing", timing);
  fields.maybe("threads", workload.threads);
  fields.nested(timing_from(timing), workload.timing);
  const Json* prompts = fields.find("prompts");
  if (prompts != nullptr && !prompts->is_null())
    fields.nested(prompts_from(*prompts), workload.prompts.emplace());
  return fields.finish(workload);
}

Json to_json(const Device& device) {
  Json json = {{"kind", device.kind}, {"name", device.name}, {"total_memory_bytes", device.total_memory}};
  put(json, "mig", device.mig);
  put(json, "power_limit_w", device.power_limit_w);
  put(json, "driver", device.driver);
  return json;
}

Result<Device> device_from_json(const Json& json) {
  Fields fields(json, "device");
  Device device;
  fields.required("kind", device.kind);
  fields.required("name", device.name);
  fields.required("total_memory_bytes", device.total_memory);
  fields.maybe("mig", device.mig);
  fields.maybe("power_limit_w", device.power_limit_w);
  fields.maybe("driver", device.driver);
  return fields.finish(device);
}

Json to_json(const Runtime& runtime) {
  return {{"name", runtime.name}, {"version", runtime.version}, {"details", runtime.details}};
}

Result<Runtime> runtime_from_json(const Json& json) {
  Fields fields(json, "runtime");
  Runtime runtime;
  fields.required("name", runtime.name);
  fields.required("version", runtime.version);
  fields.maybe("details", runtime.details);
  return fields.finish(runtime);
}

Json to_json(const Subject& subject) {
  return {{"device", to_json(subject.device)},
          {"runtime", to_json(subject.runtime)},
          {"workload", to_json(subject.workload)}};
}

Result<Subject> subject_from_json(const Json& json) {
  Fields fields(json, "subject");
  Subject subject;
  const Json none;
  const auto part = [&](const char* name) -> const Json& {
    const Json* found = fields.find(name);
    return found == nullptr ? none : *found;
  };
  fields.nested(device_from_json(part("device")), subject.device);
  fields.nested(runtime_from_json(part("runtime")), subject.runtime);
  fields.nested(workload_from_json(part("workload")), subject.workload);
  return fields.finish(subject);
}

Json to_json(const Observation& observation) {
  Json json = {{"batch", observation.batch},
               {"outcome", name_of(observation.outcome)},
               {"started_at", observation.started_at},
               {"took_s", observation.took}};
  if (!observation.reason.empty()) json["reason"] = observation.reason;
  if (!observation.samples.empty()) json["samples_s"] = observation.samples;
  if (!observation.eager_samples.empty()) json["eager_samples_s"] = observation.eager_samples;
  if (!observation.first_token_samples.empty())
    json["first_token_samples_s"] = observation.first_token_samples;
  put(json, "allocated_peak_bytes", observation.memory.allocated_peak);
  put(json, "reserved_peak_bytes", observation.memory.reserved_peak);
  put(json, "context_bytes", observation.memory.context);
  put(json, "resident_peak_bytes", observation.memory.resident_peak);
  put(json, "cap_bytes", observation.cap);
  put(json, "alloc_retries", observation.alloc_retries);
  put(json, "ooms", observation.ooms);
  put(json, "energy_j", observation.energy_j);
  put(json, "energy_passes", observation.energy_passes);
  if (observation.conditions != Conditions{}) json["conditions"] = conditions_json(observation.conditions);
  return json;
}

Result<Observation> observation_from_json(const Json& json) {
  Fields fields(json, "observation");
  Observation observation;
  std::string outcome;
  read_batch(fields, "batch", observation.batch);
  fields.required("outcome", outcome);
  fields.maybe("reason", observation.reason);
  fields.maybe("samples_s", observation.samples);
  fields.maybe("eager_samples_s", observation.eager_samples);
  fields.maybe("first_token_samples_s", observation.first_token_samples);
  fields.maybe("allocated_peak_bytes", observation.memory.allocated_peak);
  fields.maybe("reserved_peak_bytes", observation.memory.reserved_peak);
  fields.maybe("context_bytes", observation.memory.context);
  fields.maybe("resident_peak_bytes", observation.memory.resident_peak);
  fields.maybe("cap_bytes", observation.cap);
  fields.maybe("alloc_retries", observation.alloc_retries);
  fields.maybe("ooms", observation.ooms);
  fields.maybe("energy_j", observation.energy_j);
  fields.maybe("energy_passes", observation.energy_passes);
  if (observation.energy_passes == 0) fields.fail("'energy_passes' is not 1 or more");
  fields.maybe("started_at", observation.started_at);
  fields.maybe("took_s", observation.took);
  maybe_conditions(fields, observation.conditions);
  fields.nested(outcome_from(outcome), observation.outcome);
  if (observation.outcome == Outcome::measured && observation.samples.empty()) {
    fields.fail("is measured and has no samples");
  }
  if (observation.outcome == Outcome::rehearsed && !observation.samples.empty()) {
    fields.fail("is rehearsed and has samples");
  }
  const auto is_no_time = [](Seconds sample) { return sample <= 0; };
  if (std::any_of(observation.samples.begin(), observation.samples.end(), is_no_time)) {
    fields.fail("has a sample of 0 s, which no pass takes");
  }
  return fields.finish(observation);
}

Json to_json(const Comparison& comparison) {
  // One small array a pair, [reference, candidate, 1 if the reference ran first]: comparisons hold hundreds
  // of them.
  Json pairs = Json::array();
  for (const Comparison::Pair& pair : comparison.pairs) {
    pairs.push_back({pair.reference, pair.candidate, pair.reference_first ? 1 : 0});
  }
  Json json = {{"reference", comparison.reference},
               {"candidate", comparison.candidate},
               {"pairs_s", std::move(pairs)},
               {"started_at", comparison.started_at},
               {"took_s", comparison.took}};
  if (comparison.conditions != Conditions{}) json["conditions"] = conditions_json(comparison.conditions);
  return json;
}

Result<Comparison> comparison_from_json(const Json& json) {
  Fields fields(json, "comparison");
  Comparison comparison;
  std::vector<std::vector<double>> pairs;
  read_batch(fields, "reference", comparison.reference);
  read_batch(fields, "candidate", comparison.candidate);
  fields.required("pairs_s", pairs);
  fields.maybe("started_at", comparison.started_at);
  fields.maybe("took_s", comparison.took);
  maybe_conditions(fields, comparison.conditions);
  // One without a pair would be asked for again for ever.
  if (pairs.empty()) fields.fail("has no pairs");
  for (const auto& pair : pairs) {
    if (pair.size() != 3 || pair[0] <= 0 || pair[1] <= 0 || (pair[2] != 0 && pair[2] != 1)) {
      fields.fail("'pairs_s' is not a list of [reference, candidate, 0 or 1] with times above 0");
      break;
    }
    comparison.pairs.push_back({pair[0], pair[1], pair[2] == 1});
  }
  return fields.finish(comparison);
}

Json to_json(const Fault& fault) {
  return {{"batch", fault.batch}, {"kind", fault.kind}, {"detail", fault.detail}, {"at", fault.at}};
}

Result<Fault> fault_from_json(const Json& json) {
  Fields fields(json, "fault");
  Fault fault;
  read_batch(fields, "batch", fault.batch);
  fields.required("kind", fault.kind);
  fields.maybe("detail", fault.detail);
  fields.maybe("at", fault.at);
  return fields.finish(fault);
}

Json to_json(const Record& record) {
  Json json = std::visit([](const auto& value) { return to_json(value); }, record);
  static constexpr std::array names{"observation", "comparison", "trace", "fault"};
  static_assert(names.size() == std::variant_size_v<Record>);
  json["record"] = names[record.index()];
  return json;
}

Result<Record> record_from_json(const Json& json) {
  std::string kind;
  Fields fields(json, "record");
  fields.required("record", kind);
  if (auto checked = fields.finish(0); !checked) return failure(checked.error());
  const auto wrap = [](auto result) -> Result<Record> {
    if (!result) return failure(result.error());
    return Record(std::move(*result));
  };
  if (kind == "observation") return wrap(observation_from_json(json));
  if (kind == "comparison") return wrap(comparison_from_json(json));
  if (kind == "trace") return wrap(trace_from_json(json));
  if (kind == "fault") return wrap(fault_from_json(json));
  return failure(ErrorKind::corrupt, "record of unknown kind '" + kind + "'");
}

std::string key_of(const Subject& subject) {
  const std::string canonical = dump_json(to_json(subject));
  return fmt::format("{:016x}", XXH3_64bits(canonical.data(), canonical.size()));
}

}  // namespace batchfit
