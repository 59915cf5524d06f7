#include "worker/protocol.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

#include "facts/fields.h"

namespace batchfit {
namespace {

Fields fields_of(const Json& json, const char* what) { return {json, what, ErrorKind::protocol}; }

tl::unexpected<Error> broken(std::string message) { return failure(ErrorKind::protocol, std::move(message)); }

void read_capabilities(Fields& fields, Capabilities& out) {
  std::vector<std::string> names;
  fields.maybe("capabilities", names);
  out.names = {names.begin(), names.end()};
}

/// Enough of a line to see which library printed it, without what would steer a terminal.
std::string excerpt(std::string_view line) {
  constexpr std::size_t shown = 60;
  std::string out(line.substr(0, shown));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return line.size() > shown ? out + "..." : out;
}

template <class T, class Read>
void read_object(Fields& fields, const char* name, Read read, T& out) {
  if (const Json* object = fields.find(name)) {
    fields.nested(read(*object), out);
  } else {
    fields.fail(std::string("has no '") + name + "'");
  }
}

Result<Environment> environment_from(const Json& json) {
  Fields fields = fields_of(json, "environment");
  Environment environment;
  fields.required("total_bytes", environment.total);
  fields.maybe("others_bytes", environment.others);
  return fields.finish(environment);
}

void read_environment_of(Fields& fields, std::optional<Environment>& out) {
  const Json* object = fields.find("environment");
  if (object == nullptr || object->is_null()) return;
  fields.nested(environment_from(*object), out.emplace());
}

Result<ModelInfo> read_model(const Json& json) {
  Fields fields = fields_of(json, "model");
  ModelInfo model;
  fields.required("name", model.name);
  fields.maybe("about", model.about);
  fields.maybe("dtypes", model.dtypes);
  fields.maybe("modes", model.modes);
  return fields.finish(model);
}

Result<DeviceInfo> read_device(const Json& json) {
  Fields fields = fields_of(json, "device");
  DeviceInfo info;
  fields.required("id", info.id);
  fields.nested(device_from_json(json), info.device);
  return fields.finish(info);
}

/// Empty where the record answers the probe, else what is wrong with it.
std::string mismatch(const Record& record, const Measure& asked) {
  if (const auto* observation = std::get_if<Observation>(&record)) {
    if (observation->batch != asked.batch)
      return fmt::format("an observation of batch {}", observation->batch);
    const bool unasked = observation->outcome == Outcome::rehearsed && !asked.rehearse;
    return unasked ? "a rehearsal where the batch was to be run" : "";
  }
  if (const auto* trace = std::get_if<AllocationTrace>(&record)) {
    return trace->batch == asked.batch ? "" : fmt::format("a trace of batch {}", trace->batch);
  }
  return "a record that is neither observation nor trace";
}

std::string mismatch(const Record& record, const Compare& asked) {
  const auto* comparison = std::get_if<Comparison>(&record);
  if (comparison == nullptr) return "a record that is no comparison";
  if (comparison->reference != asked.reference || comparison->candidate != asked.candidate) {
    return fmt::format("a comparison of batches {} and {}", comparison->reference, comparison->candidate);
  }
  const bool too_many = std::ssize(comparison->pairs) > std::max(asked.pairs, 1);
  return too_many ? fmt::format("{} pairs where {} were asked for", comparison->pairs.size(), asked.pairs)
                  : "";
}

std::string described(const Probe& probe) {
  if (const auto* compare = std::get_if<Compare>(&probe)) {
    return fmt::format("a comparison of batches {} and {}", compare->reference, compare->candidate);
  }
  return fmt::format("a probe of batch {}", batch_of(probe));
}

/// The observation or the comparison comes once, a trace at most once.
bool one_of_each(const std::vector<Record>& records) {
  const auto count = [&](auto holds) { return std::count_if(records.begin(), records.end(), holds); };
  const auto is_trace = [](const Record& record) { return std::holds_alternative<AllocationTrace>(record); };
  return count(is_trace) <= 1 && count(std::not_fn(is_trace)) == 1;
}

}  // namespace

Json hello_request(Seconds heartbeat_timeout) {
  return {{"op", "hello"}, {"protocol", protocol_version}, {"heartbeat_timeout_s", heartbeat_timeout}};
}

Json load_request(const LoadRequest& request) {
  Json json = {{"op", "load"},
               {"device", request.device},
               {"model", request.model},
               {"weights", request.weights},
               {"seed", request.seed},
               {"tf32", request.tf32},
               {"channels_last", request.channels_last},
               {"include_copies", request.include_copies},
               {"mode", request.mode},
               {"shape", request.shape},
               {"timing", request.timing}};
  if (!request.dtype.empty()) json["dtype"] = request.dtype;
  if (request.fold_batchnorm) json["fold_batchnorm"] = *request.fold_batchnorm;
  for (const ModelInput& input : request.inputs) json["inputs"].push_back(to_json(input));
  if (!request.prompts.empty()) json["prompts"] = request.prompts;
  if (request.threads) json["threads"] = *request.threads;
  return json;
}

Json probe_request(const Measure& measure, const ProbeDetails& details) {
  const Sampling& usual = details.sampling;
  Json json = {{"op", "probe"},
               {"batch", measure.batch},
               {"min_samples", measure.samples > 0 ? measure.samples : usual.min_samples},
               {"max_samples", measure.samples > 0 ? measure.samples : usual.max_samples},
               {"seconds", details.sampling.seconds},
               {"trace", details.trace},
               {"attempt", details.attempt}};
  if (details.eager_samples > 0) json["eager_samples"] = details.eager_samples;
  if (measure.rehearse) json["rehearse"] = true;
  if (details.energy_span) json["energy_seconds"] = *details.energy_span;
  if (details.cap) json["cap_bytes"] = *details.cap;
  return json;
}

Json probe_request(const Compare& compare, const ProbeDetails& details) {
  Json json = {{"op", "compare"},        {"reference", compare.reference}, {"candidate", compare.candidate},
               {"pairs", compare.pairs}, {"seed", details.seed},           {"attempt", details.attempt}};
  if (details.cap) json["cap_bytes"] = *details.cap;
  return json;
}

Error WorkerError::error() const {
  if (kind == "usage") return {ErrorKind::usage, message, remedy};
  if (kind == "unavailable") return {ErrorKind::unavailable, message, remedy};
  return {ErrorKind::runtime, message, remedy};
}

Result<Reply> read_reply(std::string_view line, std::int64_t id) {
  auto json = parse_json(line);
  if (!json) {
    return broken(fmt::format("a line that is not JSON: '{}'", excerpt(line)));
  }
  Fields fields = fields_of(*json, "reply");
  Reply reply;
  std::int64_t answered = 0;
  bool ok = false;
  fields.required("id", answered);
  fields.required("ok", ok);
  fields.maybe("replace_worker", reply.replace_worker);
  if (auto checked = fields.finish(0); !checked) return failure(checked.error());
  if (answered != id) return broken(fmt::format("an answer to request {} where {} was asked", answered, id));
  if (!ok) {
    const Json* error = fields.find("error");
    if (error == nullptr) return broken("a reply that is not ok has no 'error'");
    Fields refusal = fields_of(*error, "error");
    reply.refusal.emplace();
    refusal.required("kind", reply.refusal->kind);
    refusal.required("message", reply.refusal->message);
    refusal.maybe("remedy", reply.refusal->remedy);
    if (auto checked = refusal.finish(0); !checked) return failure(checked.error());
  }
  reply.body = std::move(*json);
  return reply;
}

std::optional<Json> read_progress(std::string_view line, std::int64_t id) {
  auto json = parse_json(line);
  if (!json || !json->is_object() || !json->contains("progress") || json->value("id", Json()) != id) {
    return std::nullopt;
  }
  return std::move(json->at("progress"));
}

Json video_request(const VideoRequest& request) {
  Json json = {{"op", "run_video"},
               {"batch", request.batch},
               {"inputs", request.inputs},
               {"confidence", request.confidence},
               {"overlap", request.overlap}};
  if (!request.outputs.empty()) json["outputs"] = request.outputs;
  if (!request.json.empty()) json["json"] = request.json;
  if (request.max_frames) json["max_frames"] = *request.max_frames;
  return json;
}

Result<VideoRun> read_video_reply(const Json& body) {
  Fields fields = fields_of(body, "reply to run_video");
  VideoRun run;
  read_object(fields, "video", video_run_from_json, run);
  return fields.finish(std::move(run));
}

Result<VideoProgress> read_video_progress(const Json& progress) {
  Fields fields = fields_of(progress, "progress");
  VideoProgress out;
  fields.required("frames", out.frames);
  fields.required("seconds", out.seconds);
  fields.maybe("frames_total", out.frames_total);
  return fields.finish(out);
}

Result<Hello> read_hello(const Json& body) {
  Fields fields = fields_of(body, "reply to hello");
  std::int64_t version = 0;
  fields.required("protocol", version);
  if (auto checked = fields.finish(0); !checked) return failure(checked.error());
  if (version != protocol_version) {
    return failure(
        ErrorKind::protocol,
        fmt::format("the worker speaks protocol {}, this batchfit speaks {}", version, protocol_version),
        "use a worker and a batchfit of the same age");
  }
  Hello hello;
  const auto read_worker = [](const Json& json) {
    Fields worker = fields_of(json, "worker");
    std::pair<std::string, std::string> named;
    worker.required("name", named.first);
    worker.required("version", named.second);
    return worker.finish(named);
  };
  std::pair<std::string, std::string> worker;
  read_object(fields, "worker", read_worker, worker);
  std::tie(hello.worker_name, hello.worker_version) = worker;
  read_object(fields, "runtime", runtime_from_json, hello.runtime);
  read_capabilities(fields, hello.capabilities);
  fields.list("models", read_model, hello.models);
  return fields.finish(hello);
}

Result<std::vector<DeviceInfo>> read_devices(const Json& body) {
  Fields fields = fields_of(body, "reply to devices");
  std::vector<DeviceInfo> devices;
  fields.list("devices", read_device, devices);
  return fields.finish(devices);
}

Result<Loaded> read_loaded(const Json& body) {
  Fields fields = fields_of(body, "reply to load");
  Loaded loaded;
  read_object(fields, "subject", subject_from_json, loaded.subject);
  read_capabilities(fields, loaded.capabilities);
  fields.maybe("notes", loaded.notes);
  fields.maybe("took_s", loaded.took);
  read_environment_of(fields, loaded.environment);
  return fields.finish(loaded);
}

Result<Environment> read_environment(const Json& body) {
  Fields fields = fields_of(body, "reply");
  Environment environment;
  read_object(fields, "environment", environment_from, environment);
  return fields.finish(environment);
}

Result<ProbeReply> read_probe_reply(const Json& body, const Probe& asked) {
  Fields fields = fields_of(body, "reply to a probe");
  ProbeReply reply;
  fields.list("records", record_from_json, reply.records);
  read_environment_of(fields, reply.environment);
  auto checked = fields.finish(std::move(reply));
  if (!checked) return checked;
  for (const Record& record : checked->records) {
    const std::string wrong = std::visit([&](const auto& probe) { return mismatch(record, probe); }, asked);
    if (!wrong.empty()) return broken(fmt::format("the answer to {} holds {}", described(asked), wrong));
  }
  if (!one_of_each(checked->records)) {
    return broken(
        fmt::format("the answer to {} holds {} records", described(asked), checked->records.size()));
  }
  return checked;
}

}  // namespace batchfit
