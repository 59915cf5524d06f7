#include "requests.h"

#include "facts/fields.h"

namespace batchfit {
namespace {

template <class T>
Answer<T> finish(const Fields& fields, T value) {
  auto read = fields.finish(std::move(value));
  if (!read) return refuse(read.error());
  return std::move(*read);
}

void read_batch(Fields& fields, const char* name, Batch& out) {
  fields.required(name, out);
  if (out < 1) fields.fail(std::string("'") + name + "' is not 1 or more");
}

void read_inputs(Fields& fields, std::vector<ModelInput>& out) {
  const Json* list = fields.find("inputs");
  if (list == nullptr || list->is_null()) return;
  if (!list->is_array()) {
    fields.fail("'inputs' is not a list");
    return;
  }
  for (const Json& item : *list) fields.nested(model_input_from_json(item), out.emplace_back());
}

}  // namespace

Answer<LoadRequest> load_request(const Json& json) {
  Fields fields(json, "load", ErrorKind::usage);
  LoadRequest request;
  std::string timing = "auto";
  fields.required("device", request.device);
  fields.required("model", request.model);
  fields.maybe("weights", request.weights);
  fields.maybe("seed", request.seed);
  fields.maybe("dtype", request.dtype);
  fields.maybe("tf32", request.tf32);
  fields.maybe("channels_last", request.channels_last);
  fields.maybe("fold_batchnorm", request.fold_batchnorm);
  fields.maybe("include_copies", request.include_copies);
  fields.maybe("mode", request.mode);
  fields.maybe("shape", request.shape);
  read_inputs(fields, request.inputs);
  fields.maybe("prompts", request.prompts);
  fields.maybe("timing", timing);
  fields.maybe("threads", request.threads);
  if (timing == "graph") request.timing = Timing::graph;
  if (timing == "eager") request.timing = Timing::eager;
  if (timing != "auto" && !request.timing) fields.fail("'timing' is none of auto, graph and eager");
  if (request.threads == 0) fields.fail("'threads' is not 1 or more");
  return finish(fields, std::move(request));
}

Answer<ProbeRequest> probe_request(const Json& json) {
  Fields fields(json, "probe", ErrorKind::usage);
  ProbeRequest request;
  SamplingPlan& plan = request.sampling;
  read_batch(fields, "batch", request.batch);
  fields.maybe("min_samples", plan.min_samples);
  fields.maybe("max_samples", plan.max_samples);
  fields.maybe("seconds", plan.seconds);
  fields.maybe("cap_bytes", request.cap);
  fields.maybe("trace", request.trace);
  fields.maybe("eager_samples", request.eager_samples);
  fields.maybe("rehearse", request.rehearse);
  fields.maybe("energy_seconds", request.energy_seconds);
  if (plan.min_samples < 1) fields.fail("'min_samples' is not 1 or more");
  if (plan.max_samples < plan.min_samples) fields.fail("'max_samples' is less than 'min_samples'");
  return finish(fields, request);
}

Answer<CompareRequest> compare_request(const Json& json) {
  Fields fields(json, "compare", ErrorKind::usage);
  CompareRequest request;
  read_batch(fields, "reference", request.reference);
  read_batch(fields, "candidate", request.candidate);
  fields.required("pairs", request.pairs);
  fields.maybe("seed", request.seed);
  if (request.pairs < 1) fields.fail("'pairs' is not 1 or more");
  return finish(fields, request);
}

}  // namespace batchfit
