#include "report/report_fields.h"

#include <array>

#include "facts/fields.h"
#include "report/forecast_table.h"
#include "report/wording.h"

namespace batchfit {
namespace {

/// The value that has this name; corrupt error where none has.
template <class T, std::size_t N>
Result<T> named(const std::string& name, const std::array<T, N>& values, const char* what) {
  for (const T value : values) {
    if (name == name_of(value)) return value;
  }
  return failure(ErrorKind::corrupt, std::string(what) + " '" + name + "' is unknown");
}

/// A number that may be below 0.
void signed_number(Fields& fields, const char* name, std::optional<double>& out) {
  const Json* value = fields.find(name);
  if (value == nullptr || value->is_null()) return;
  if (!value->is_number() || !std::isfinite(value->get<double>())) {
    fields.fail(std::string("'") + name + "' is not a finite number");
    return;
  }
  out = value->get<double>();
}

/// The part of that name, where it is there.
template <class T>
void part(Fields& fields, const char* name, Result<T> (*read)(const Json&), std::optional<T>& out) {
  const Json* json = fields.find(name);
  if (json == nullptr) return;
  T value{};
  fields.nested(read(*json), value);
  out = std::move(value);
}

Result<Limits> limits_from_json(const Json& json) {
  Fields fields(json, "limits");
  std::optional<double> share;
  std::optional<Bytes> own;
  std::optional<double> ratio;
  std::optional<Seconds> bound;
  Limits limits;
  fields.maybe("memory_share", share);
  fields.maybe("own_memory_bytes", own);
  fields.maybe("latency_ratio", ratio);
  fields.maybe("latency_s", bound);
  fields.maybe("latency_percentile", limits.percentile);
  if (share.has_value() == own.has_value()) fields.fail("has not one memory limit");
  if (share) limits.memory = MemoryShare{*share};
  if (own) limits.memory = OwnMemory{*own};
  limits.latency = NoLimit{};
  if (ratio) limits.latency = LatencyRatio{*ratio};
  if (bound) limits.latency = LatencyBound{*bound};
  return fields.finish(limits);
}

Result<Balance> balance_from_json(const Json& json) {
  Fields fields(json, "balance");
  Balance out;
  fields.required("throughput", out.throughput);
  fields.required("latency", out.latency);
  fields.required("memory", out.memory);
  fields.required("energy", out.energy);
  return fields.finish(out);
}

Result<Objective> objective_from_json(const Json& json) {
  Fields fields(json, "objective");
  Objective out;
  std::string goal;
  std::optional<Balance> balance;
  fields.required("goal", goal);
  fields.nested(named(goal, goals, "objective"), out.goal);
  part(fields, "balance", balance_from_json, balance);
  out.balance = balance.value_or(Balance{});
  return fields.finish(out);
}

Result<ErrorKind> error_kind_from(const std::string& name) {
  static constexpr std::array kinds{ErrorKind::runtime,    ErrorKind::usage,   ErrorKind::unavailable,
                                    ErrorKind::protocol,   ErrorKind::corrupt, ErrorKind::timeout,
                                    ErrorKind::interrupted};
  return named(name, kinds, "kind of error");
}

Result<Verdict> verdict_from(const std::string& name) {
  static constexpr std::array verdicts{Verdict::pass, Verdict::fail, Verdict::undecided};
  return named(name, verdicts, "verdict");
}

/// `Unit`: of its two figures in the file.
template <class Unit>
LimitRuling limit_ruling(Fields& fields, const char* value_name, const char* limit_name) {
  LimitRuling out;
  std::string verdict;
  Unit value{}, limit{};
  std::optional<std::int64_t> trials;
  fields.required("verdict", verdict);
  fields.nested(verdict_from(verdict), out.verdict);
  fields.required(value_name, value);
  fields.required(limit_name, limit);
  fields.maybe("trials", trials);
  fields.maybe("percentile", out.percentile);
  out.value = static_cast<double>(value);
  out.limit = static_cast<double>(limit);
  out.trials = static_cast<int>(trials.value_or(0));
  return out;
}

Result<LimitRuling> memory_ruling(const Json& json) {
  Fields fields(json, "memory");
  const auto out = limit_ruling<Bytes>(fields, "value_bytes", "limit_bytes");
  return fields.finish(out);
}

Result<LimitRuling> latency_ruling(const Json& json) {
  Fields fields(json, "latency");
  const auto out = limit_ruling<Seconds>(fields, "value_s", "limit_s");
  return fields.finish(out);
}

Result<Ruling> ruling_from_json(const Json& json) {
  Fields fields(json, "ruling");
  Ruling out;
  std::string verdict;
  fields.required("batch", out.batch);
  fields.required("verdict", verdict);
  fields.nested(verdict_from(verdict), out.verdict);
  fields.maybe("why", out.why);
  part(fields, "memory", memory_ruling, out.memory);
  part(fields, "latency", latency_ruling, out.latency);
  return fields.finish(out);
}

Result<NearTie> near_tie_from_json(const Json& json) {
  Fields fields(json, "near tie");
  NearTie out;
  fields.required("batch", out.batch);
  fields.required("behind", out.behind);
  return fields.finish(out);
}

Result<Choice> choice_from_json(const Json& json) {
  Fields fields(json, "choice");
  Choice out;
  fields.required("batch", out.batch);
  fields.required("top", out.top);
  if (fields.find("near_ties") != nullptr) fields.list("near_ties", near_tie_from_json, out.near_ties);
  return fields.finish(out);
}

void read_choices(Fields& fields, std::map<Goal, Choice>& out) {
  const Json* json = fields.find("choices");
  if (json == nullptr) return;
  Fields choices(*json, "choices");
  for (const Goal goal : goals) {
    std::optional<Choice> choice;
    part(choices, std::string(name_of(goal)).c_str(), choice_from_json, choice);
    if (choice) out[goal] = std::move(*choice);
  }
  fields.nested(choices.finish(out), out);
}

Result<InputFigures> input_from_json(const Json& json) {
  InputFigures out;
  Fields fields(json, "input");
  fields.required("shape", out.input.sizes);
  fields.required("weight", out.input.weight);
  fields.nested(batch_figures_from_json(json), out.figures);
  return fields.finish(out);
}

}  // namespace

Result<Status> status_from(const std::string& name) {
  static constexpr std::array statuses{Status::found, Status::nothing_fits, Status::undecided, Status::failed,
                                       Status::interrupted};
  return named(name, statuses, "status");
}

Result<Basis> basis_from(const std::string& name) {
  static constexpr std::array bases{Basis::measured, Basis::traces, Basis::one_trace, Basis::peaks};
  return named(name, bases, "basis");
}

Result<RunReport> run_from_json(const Json& json) {
  Fields fields(json, "the run");
  RunReport out;
  std::optional<Limits> limits;
  std::optional<Objective> objective;
  fields.required("batchfit", out.version);
  fields.required("command", out.command);
  fields.required("started_at", out.started_at);
  fields.required("strategy", out.strategy);
  fields.maybe("items", out.items);
  fields.required("seconds", out.seconds);
  fields.maybe("nvml_seconds", out.nvml_seconds);
  part(fields, "limits", limits_from_json, limits);
  part(fields, "objective", objective_from_json, objective);
  if (!limits) fields.fail("has no 'limits'");
  out.limits = limits.value_or(Limits{});
  out.objective = objective.value_or(Objective{});
  return fields.finish(out);
}

Result<Answer> answer_from_json(const Json& json) {
  Fields fields(json, "answer");
  Answer out;
  fields.maybe("why", out.why);
  part(fields, "best", ruling_from_json, out.best);
  part(fields, "largest", ruling_from_json, out.largest);
  if (!out.largest) out.largest = out.best;
  part(fields, "next", ruling_from_json, out.next);
  fields.list("undecided", ruling_from_json, out.undecided);
  fields.required("neighbour_judged", out.neighbour_judged);
  read_choices(fields, out.choices);
  fields.maybe("passing", out.passing);
  fields.maybe("front", out.front);
  fields.maybe("knee", out.knee);
  signed_number(fields, "drift", out.drift);
  fields.maybe("cut_short", out.cut_short);
  fields.required("max_batch", out.max_batch);
  return fields.finish(out);
}

Result<AnswerFigures> answer_figures_from_json(const Json& json) {
  Fields fields(json, "answer");
  AnswerFigures out;
  fields.maybe("batch", out.batch);
  fields.maybe("latency_s", out.latency);
  fields.maybe("latency_share", out.latency_share);
  fields.maybe("memory_bytes", out.memory);
  fields.maybe("memory_share", out.memory_share);
  fields.maybe("throughput_per_s", out.throughput);
  fields.maybe("tokens_per_s", out.tokens);
  fields.maybe("token_interval_s", out.token_interval);
  fields.maybe("usd_per_million_tokens", out.usd_per_million_tokens);
  fields.maybe("speed_up", out.speed_up);
  fields.maybe("limited_by", out.limited_by);
  if (out.batch.has_value() != out.limited_by.has_value()) fields.fail("has a 'batch' without 'limited_by'");
  return fields.finish(out);
}

Result<BatchFigures> batch_figures_from_json(const Json& json) {
  Fields fields(json, "batch");
  BatchFigures out;
  std::optional<std::string> outcome;
  std::optional<std::int64_t> samples;
  std::optional<std::int64_t> faults;
  fields.required("batch", out.batch);
  fields.maybe("outcome", outcome);
  if (outcome) {
    Outcome read{};
    fields.nested(outcome_from(*outcome), read);
    out.outcome = read;
  }
  fields.maybe("reason", out.reason);
  fields.maybe("samples", samples);
  fields.maybe("latency_s", out.latency);
  fields.maybe("latency_min_s", out.latency_min);
  fields.maybe("latency_max_s", out.latency_max);
  fields.maybe("latency_error", out.latency_error);
  fields.maybe("eager_latency_s", out.eager_latency);
  fields.maybe("first_token_s", out.first_token);
  fields.maybe("throughput_per_s", out.throughput);
  fields.maybe("tokens_per_s", out.tokens);
  fields.maybe("energy_per_item_j", out.energy_per_item);
  fields.maybe("own_memory_bytes", out.own_memory);
  fields.maybe("allocated_peak_bytes", out.allocated_peak);
  fields.maybe("reserved_peak_bytes", out.reserved_peak);
  fields.maybe("marks", out.marks);
  fields.maybe("faults", faults);
  out.samples = static_cast<int>(samples.value_or(0));
  out.faults = static_cast<int>(faults.value_or(0));
  return fields.finish(out);
}

Result<Confirmation> confirmation_from_json(const Json& json) {
  Fields fields(json, "confirmation");
  Confirmation out;
  std::optional<Ruling> ruling;
  std::optional<double> growth;
  fields.required("batch", out.batch);
  fields.required("seconds", out.seconds);
  part(fields, "ruling", ruling_from_json, ruling);
  if (!ruling) fields.fail("has no 'ruling'");
  out.ruling = ruling.value_or(Ruling{});
  signed_number(fields, "drift", out.drift);
  signed_number(fields, "memory_growth_bytes", growth);
  if (growth) out.memory_growth = static_cast<Bytes>(*growth);
  fields.maybe("throttle_reasons", out.throttle_reasons);
  return fields.finish(out);
}

Result<MixtureReport> mixture_from_json(const Json& json) {
  Fields fields(json, "distribution");
  MixtureReport out;
  std::optional<bool> holds;
  fields.required("inputs", out.told);
  fields.maybe("largest", out.largest);
  fields.maybe("throughput_per_s", out.figures.throughput);
  fields.maybe("latency_decided_by", out.figures.latency_decider);
  fields.maybe("memory_decided_by", out.figures.memory_decider);
  fields.maybe("holds", holds);
  out.figures.holds = holds;
  fields.list("points", input_from_json, out.figures.inputs);
  const Json* points = fields.find("points");
  for (std::size_t i = 0; i < out.figures.inputs.size(); ++i) {
    const auto key = (*points)[i].find("key");
    const bool known = key != (*points)[i].end() && key->is_string();
    out.keys.push_back(known ? std::optional(key->get<std::string>()) : std::nullopt);
  }
  return fields.finish(out);
}

Result<Environment> environment_from_json(const Json& json) {
  Fields fields(json, "environment");
  Environment out;
  fields.maybe("total_bytes", out.total);
  fields.maybe("others_bytes", out.others);
  return fields.finish(out);
}

Result<Relaxation> relaxation_from_json(const Json& json) {
  Fields fields(json, "relaxation");
  Relaxation out;
  std::string limit;
  std::int64_t steps = 0;
  std::optional<Limits> limits;
  std::optional<double> gain;
  fields.required("limit", limit);
  if (limit != "latency" && limit != "memory") fields.fail("is of no limit");
  out.limit = limit == "memory" ? Relaxation::Of::memory : Relaxation::Of::latency;
  fields.required("steps", steps);
  out.steps = static_cast<int>(steps);
  part(fields, "limits", limits_from_json, limits);
  out.limits = limits.value_or(Limits{});
  fields.required("batch", out.batch);
  signed_number(fields, "throughput_gain", gain);
  out.throughput_gain = gain.value_or(0);
  return fields.finish(out);
}

Result<Price> price_from_json(const Json& json) {
  Fields fields(json, "price");
  Price out;
  fields.required("usd_per_hour", out.usd_per_hour);
  fields.required("source", out.source);
  fields.required("default", out.is_default);
  return fields.finish(out);
}

Result<Processing> processing_from_json(const Json& json) {
  Fields fields(json, "processing");
  Processing out;
  fields.required("at", out.at);
  fields.required("batch", out.batch);
  fields.required("seconds", out.seconds);
  fields.maybe("usd", out.usd);
  fields.maybe("kwh", out.kwh);
  return fields.finish(out);
}

Result<Error> error_from_json(const Json& json) {
  Fields fields(json, "error");
  Error out;
  std::string kind;
  fields.required("kind", kind);
  fields.nested(error_kind_from(kind), out.kind);
  fields.required("message", out.message);
  fields.maybe("remedy", out.remedy);
  return fields.finish(out);
}

}  // namespace batchfit
