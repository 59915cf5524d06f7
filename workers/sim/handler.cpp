#include "sim/handler.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "facts/fields.h"

namespace batchfit::sim {
namespace {

constexpr int protocol_version = 1;
constexpr std::int64_t most_samples = 100'000;  // keeps an answer within the protocol's longest line

// What a process that leaks keeps, and how many times longer its passes take.
constexpr Bytes leaked = 256 * mebibyte;
constexpr double leaky_slowdown = 2;

/// Makes measured figures those of a process that leaks.
void spoil(Json& reply) {
  if (!reply.contains("records")) return;
  for (Json& record : reply["records"]) {
    if (!record.contains("samples_s")) continue;
    record["reserved_peak_bytes"] = record["reserved_peak_bytes"].get<Bytes>() + leaked;
    for (Json& sample : record["samples_s"]) sample = sample.get<Seconds>() * leaky_slowdown;
  }
}

Fields fields_of(const Json& request, const std::string& op) { return {request, op, ErrorKind::usage}; }

void check_batch(Fields& fields, const char* name, Batch batch) {
  if (batch < 1 || batch > largest_batch) {
    fields.fail(std::string("'") + name + "' is not from 1 to " + std::to_string(largest_batch));
  }
}

}  // namespace

Answer<Json> SimWorker::handle(const std::string& op, const Json& request, Call&) {
  const Moment moment = moment_of(op, request);
  Answer<Json> good = answer(op, request);
  if (good && leaks_) spoil(*good);
  const PlannedFault* fault = good ? fault_at(device_.faults, moment) : nullptr;
  if (fault != nullptr && fault->kind == "leaky") leaks_ = true;
  return fault == nullptr ? good : strike(*fault, *good, request.value("id", Json()), output_);
}

Moment SimWorker::moment_of(const std::string& op, const Json& request) {
  Moment moment;
  moment.op = op;
  Fields fields = fields_of(request, op);
  if (op == "probe" || op == "compare") ++probes_;
  fields.maybe("number", probes_);
  fields.maybe("attempt", moment.attempt);
  fields.maybe(op == "compare" ? "candidate" : "batch", moment.batch);
  moment.probe = probes_;
  return moment;
}

bool SimWorker::can(const std::string& capability) const {
  return std::find(device_.capabilities.begin(), device_.capabilities.end(), capability) !=
         device_.capabilities.end();
}

Answer<Json> SimWorker::answer(const std::string& op, const Json& request) {
  if (op == "hello") return hello();
  if (op == "devices") return devices();
  if (op == "load") return load(request);
  if (op == "environment") return environment();
  if (op == "release") {
    loaded_.reset();
    return Json::object();
  }
  if (op != "probe" && op != "compare") return refuse(RefusalKind::unsupported, "no operation '" + op + "'");
  if (!loaded_) return refuse(RefusalKind::usage, "no model is loaded", "send load first");
  std::this_thread::sleep_for(std::chrono::duration<double>(device_.probe_wall));
  return op == "probe" ? probe(request) : compare_two(request);
}

Json SimWorker::hello() const {
  const Json model = {{"name", device_.model},
                      {"about", "the model of the simulated device"},
                      {"dtypes", device_.dtypes},
                      {"modes", {"forward"}}};
  return {{"protocol", protocol_version},
          {"worker", {{"name", "batchfit-worker-sim"}, {"version", BATCHFIT_VERSION}}},
          {"runtime", to_json(Runtime{"simulation", BATCHFIT_VERSION, {}})},
          {"capabilities", device_.capabilities},
          {"models", Json::array({model})}};
}

Json SimWorker::devices() const {
  Json listed = to_json(device());
  listed["id"] = "sim:0";
  return {{"devices", Json::array({std::move(listed)})}};
}

Device SimWorker::device() const {
  Device device;
  device.kind = "sim";
  device.name = device_.name;
  device.total_memory = device_.total_memory;
  return device;
}

Answer<Json> SimWorker::load(const Json& request) {
  Fields fields = fields_of(request, "load");
  Workload workload;
  std::string timing = "auto";
  std::string weights = "random";
  std::int64_t seed = 0;
  fields.required("model", workload.model);
  if (!device_.dtypes.empty()) workload.dtype = device_.dtypes.front();
  fields.maybe("dtype", workload.dtype);
  fields.maybe("weights", weights);
  fields.maybe("seed", seed);
  fields.maybe("tf32", workload.tf32);
  fields.maybe("channels_last", workload.channels_last);
  fields.maybe("fold_batchnorm", workload.folded_batchnorm);
  fields.maybe("include_copies", workload.include_copies);
  fields.maybe("mode", workload.mode);
  fields.maybe("shape", workload.shape);
  fields.maybe("timing", timing);
  if (auto checked = fields.finish(0); !checked) return refuse(checked.error());

  const bool has_graph = can("graph_timing");
  if (workload.model != device_.model)
    return refuse(RefusalKind::usage, "no model '" + workload.model + "'", "there is " + device_.model);
  if (std::find(device_.dtypes.begin(), device_.dtypes.end(), workload.dtype) == device_.dtypes.end()) {
    return refuse(RefusalKind::usage, "no dtype '" + workload.dtype + "'",
                  "there is " + Json(device_.dtypes).dump());
  }
  if (workload.mode != "forward")
    return refuse(RefusalKind::usage, "no mode '" + workload.mode + "'", "there is forward");
  if (weights != "random")
    return refuse(RefusalKind::usage, "a simulated model has no weights", "use random");
  if (timing != "auto" && timing != "graph" && timing != "eager")
    return refuse(RefusalKind::usage, "no timing '" + timing + "'", "use auto");
  if (timing == "graph" && !has_graph)
    return refuse(RefusalKind::unsupported, "this device has no graph timing");

  const auto sized = sized_for(workload.shape);
  if (!sized) return tl::unexpected(sized.error());

  workload.weights = "random (seed " + std::to_string(seed) + ")";
  workload.model_code = "simulated";
  workload.input_shape = device_.input_shape;
  workload.timing = has_graph && timing != "eager" ? Timing::graph : Timing::eager;
  loaded_ = workload.timing;
  at_load_ = *sized;
  const Runtime runtime{"simulation", BATCHFIT_VERSION, {{"device_file", device_.digest}}};
  Json reply = environment();
  reply["subject"] = to_json(Subject{device(), runtime, workload});
  reply["capabilities"] = device_.capabilities;
  reply["notes"] = {"device: simulated", "weights: " + workload.weights};
  reply["took_s"] = 0;
  return reply;
}

Answer<SimDevice> SimWorker::sized_for(const std::map<std::string, std::int64_t>& shape) const {
  const auto& size = device_.size;
  for (const auto& [name, value] : shape) {
    if (!size || name != size->name)
      return refuse(RefusalKind::usage, "the model has no size '" + name + "'",
                    size ? "there is " + size->name : "leave --shape out");
  }
  if (shape.empty()) return device_;
  const auto sized = at_size(device_, shape.begin()->second);
  if (!sized)
    return refuse(RefusalKind::usage,
                  "no size " + std::to_string(shape.begin()->second) + " of '" + size->name + "'",
                  "give one nearer to the standard, " + std::to_string(size->standard));
  return *sized;
}

Answer<Json> SimWorker::probe(const Json& request) {
  Fields fields = fields_of(request, "probe");
  Batch batch = 0;
  ProbePlan plan;
  plan.number = probes_;
  fields.required("batch", batch);
  fields.required("min_samples", plan.min_samples);
  fields.required("max_samples", plan.max_samples);
  fields.required("seconds", plan.seconds);
  fields.maybe("cap_bytes", plan.cap);
  bool trace = false;
  fields.maybe("trace", trace);
  fields.maybe("eager_samples", plan.eager_samples);
  fields.maybe("rehearse", plan.rehearse);
  fields.maybe("energy_seconds", plan.energy_seconds);
  check_batch(fields, "batch", batch);
  if (plan.min_samples < 1 || plan.max_samples > most_samples || plan.min_samples > plan.max_samples) {
    fields.fail("wants fewer than 1 or more than " + std::to_string(most_samples) + " samples");
  }
  if (auto checked = fields.finish(0); !checked) return refuse(checked.error());
  if (!can("memory_cap")) plan.cap.reset();
  plan.rehearse = plan.rehearse && can("rehearsal");
  if (!can("energy")) plan.energy_seconds = 0;
  plan.eager_samples = can("eager_latency") ? std::min(plan.eager_samples, most_samples) : 0;
  Json reply = environment();
  const Observation seen = measure(at_load_, *loaded_, batch, plan);
  reply["records"] = Json::array({to_json(Record(seen))});
  const bool has_memory = seen.outcome == Outcome::measured || seen.outcome == Outcome::rehearsed;
  if (trace && can("memory_trace") && has_memory) {
    reply["records"].push_back(to_json(Record(trace_of(at_load_, *loaded_, batch))));
  }
  return reply;
}

Answer<Json> SimWorker::compare_two(const Json& request) {
  if (!can("compare")) return refuse(RefusalKind::unsupported, "this device cannot compare");
  Fields fields = fields_of(request, "compare");
  Compare asked;
  std::int64_t pairs = 0;
  std::int64_t seed = 0;
  fields.required("reference", asked.reference);
  fields.required("candidate", asked.candidate);
  fields.required("pairs", pairs);
  fields.maybe("seed", seed);
  check_batch(fields, "reference", asked.reference);
  check_batch(fields, "candidate", asked.candidate);
  if (pairs < 1 || pairs > most_samples)
    fields.fail("'pairs' is not from 1 to " + std::to_string(most_samples));
  if (auto checked = fields.finish(0); !checked) return refuse(checked.error());
  asked.pairs = static_cast<int>(pairs);
  Json reply = environment();
  reply["records"] = Json::array({to_json(Record(compare(at_load_, *loaded_, asked, seed, probes_)))});
  return reply;
}

Json SimWorker::environment() const {
  Json json = {{"total_bytes", device_.total_memory}};
  if (can("environment")) json["others_bytes"] = others_after(device_, probes_);
  return {{"environment", std::move(json)}};
}

}  // namespace batchfit::sim
