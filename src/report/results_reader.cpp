#include "report/results_reader.h"

#include <algorithm>

#include "base/json_cursor.h"
#include "base/mapped_file.h"
#include "report/json_export.h"
#include "report/report_fields.h"
#include "report/video_table.h"

namespace batchfit {
namespace {

/// Reads a value with one of the readers of small parts.
template <class T>
T part(JsonCursor& cursor, Result<T> (*read)(const Json&)) {
  const std::string_view text = cursor.raw();
  if (cursor.failed()) return {};
  const auto json = parse_json(text);
  auto value = json ? read(*json) : Result<T>(failure(json.error()));
  if (value) return std::move(*value);
  cursor.fail(value.error().message);
  return {};
}

template <class T>
std::vector<T> parts(JsonCursor& cursor, Result<T> (*read)(const Json&)) {
  std::vector<T> out;
  cursor.array([&] { out.push_back(part(cursor, read)); });
  return out;
}

std::vector<std::string> strings(JsonCursor& cursor) {
  std::vector<std::string> out;
  cursor.array([&] { out.push_back(cursor.string()); });
  return out;
}

template <class T>
void keep(JsonCursor& cursor, Result<T> value, T& out) {
  if (value) {
    out = *value;
  } else {
    cursor.fail(value.error().message);
  }
}

double positive(JsonCursor& cursor) {
  const double value = cursor.number();
  if (value < 0) cursor.fail("a figure is below 0");
  return value;
}

/// As batch_figures_from_json, without a tree: a file may hold hundreds of thousands.
BatchFigures batch_figures(JsonCursor& cursor) {
  BatchFigures out;
  cursor.object([&](std::string_view key) {
    if (key == "batch") {
      out.batch = cursor.integer();
    } else if (key == "latency_s") {
      out.latency = positive(cursor);
    } else if (key == "latency_min_s") {
      out.latency_min = positive(cursor);
    } else if (key == "latency_max_s") {
      out.latency_max = positive(cursor);
    } else if (key == "latency_error") {
      out.latency_error = positive(cursor);
    } else if (key == "eager_latency_s") {
      out.eager_latency = positive(cursor);
    } else if (key == "first_token_s") {
      out.first_token = positive(cursor);
    } else if (key == "throughput_per_s") {
      out.throughput = positive(cursor);
    } else if (key == "tokens_per_s") {
      out.tokens = positive(cursor);
    } else if (key == "energy_per_item_j") {
      out.energy_per_item = positive(cursor);
    } else if (key == "own_memory_bytes") {
      out.own_memory = cursor.integer();
    } else if (key == "allocated_peak_bytes") {
      out.allocated_peak = cursor.integer();
    } else if (key == "reserved_peak_bytes") {
      out.reserved_peak = cursor.integer();
    } else if (key == "samples") {
      out.samples = static_cast<int>(cursor.integer());
    } else if (key == "faults") {
      out.faults = static_cast<int>(cursor.integer());
    } else if (key == "outcome") {
      Outcome outcome{};
      keep(cursor, outcome_from(cursor.string()), outcome);
      out.outcome = outcome;
    } else if (key == "reason") {
      out.reason = cursor.string();
    } else if (key == "marks") {
      out.marks = strings(cursor);
    } else {
      cursor.raw();
    }
  });
  if (out.batch < 1) cursor.fail("a batch is below 1");
  return out;
}

Forecast forecast(JsonCursor& cursor) {
  Forecast out;
  cursor.object([&](std::string_view key) {
    if (key == "batch") {
      out.batch = cursor.integer();
    } else if (key == "own_bytes") {
      out.own = cursor.integer();
    } else if (key == "low_bytes") {
      out.low = cursor.integer();
    } else if (key == "high_bytes") {
      out.high = cursor.integer();
    } else if (key == "context_bytes") {
      out.context = cursor.integer();
    } else if (key == "crosses_regime") {
      out.crosses_regime = cursor.boolean();
    } else if (key == "basis") {
      keep(cursor, basis_from(cursor.string()), out.basis);
    } else if (key == "reasons") {
      out.reasons = strings(cursor);
    } else {
      cursor.raw();
    }
  });
  return out;
}

void read_answer(JsonCursor& cursor, WorkloadReport& out) {
  const std::string_view text = cursor.raw();
  if (cursor.failed()) return;
  JsonCursor again(text);
  const Status status = out.answer.status;
  out.answer = part(again, answer_from_json);
  out.answer.status = status;
  JsonCursor figures(text);
  out.figures = part(figures, answer_figures_from_json);
  for (const JsonCursor* one : {&again, &figures}) {
    if (one->failed()) cursor.fail(*one->error());
  }
  JsonCursor bound(text);
  bound.object([&](std::string_view key) {
    if (key == "launch_bound_up_to") {
      out.launch_bound_up_to = bound.integer();
    } else {
      bound.raw();
    }
  });
  if (bound.failed()) cursor.fail(*bound.error());
}

/// What the other parts rest on is there, and the batches ascend.
void check(JsonCursor& cursor, const WorkloadReport& workload) {
  const auto not_ascending = [](const BatchFigures& a, const BatchFigures& b) { return a.batch >= b.batch; };
  if (std::adjacent_find(workload.batches.begin(), workload.batches.end(), not_ascending) !=
      workload.batches.end())
    cursor.fail("the batches of " + workload.model + " do not ascend");
  const auto& best = workload.answer.best;
  const bool found = !best || std::any_of(workload.batches.begin(), workload.batches.end(),
                                          [&](const BatchFigures& one) { return one.batch == best->batch; });
  if (!found) cursor.fail("the answer of " + workload.model + " is none of its batches");
  if (best.has_value() != workload.figures.batch.has_value())
    cursor.fail("the answer of " + workload.model + " has a batch without a ruling");
}

WorkloadReport workload(JsonCursor& cursor) {
  WorkloadReport out;
  Status status = Status::failed;
  bool has_status = false;
  cursor.object([&](std::string_view key) {
    if (key == "model") {
      out.model = cursor.string();
    } else if (key == "status") {
      keep(cursor, status_from(cursor.string()), status);
      has_status = true;
    } else if (key == "notes") {
      out.notes = strings(cursor);
    } else if (key == "probes") {
      out.probes = static_cast<int>(cursor.integer());
    } else if (key == "seconds") {
      out.seconds = positive(cursor);
    } else if (key == "from_cache") {
      out.from_cache = cursor.boolean();
    } else if (key == "certificate") {
      out.certificate = strings(cursor);
    } else if (key == "subject") {
      out.subject = part(cursor, subject_from_json);
    } else if (key == "error") {
      out.error = part(cursor, error_from_json);
    } else if (key == "answer") {
      read_answer(cursor, out);
    } else if (key == "distribution") {
      out.mixture = part(cursor, mixture_from_json);
    } else if (key == "confirmation") {
      out.confirmation = part(cursor, confirmation_from_json);
    } else if (key == "video") {
      out.pipeline = part(cursor, pipeline_from_json);
    } else if (key == "environment") {
      out.environment = part(cursor, environment_from_json);
    } else if (key == "relaxations") {
      out.relaxations = parts(cursor, relaxation_from_json);
    } else if (key == "price") {
      out.price = part(cursor, price_from_json);
    } else if (key == "processing") {
      out.processing = parts(cursor, processing_from_json);
    } else if (key == "batches") {
      cursor.array([&] { out.batches.push_back(batch_figures(cursor)); });
    } else if (key == "forecasts") {
      cursor.array([&] { out.forecasts.push_back(forecast(cursor)); });
    } else {
      cursor.raw();  // the records, and what a later version adds
    }
  });
  if (!has_status) cursor.fail("a workload has no 'status'");
  out.answer.status = status;
  check(cursor, out);
  out.batches.shrink_to_fit();
  return out;
}

Error not_readable(const std::string& name, const std::string& why) {
  return {ErrorKind::corrupt, name + " is damaged: " + why,
          "export it again: batchfit tune … --export-json FILE"};
}

/// The format and version come first in the reader's mind and anywhere in the file.
Result<void> check_format(const std::string& name, const std::string& format, std::int64_t version) {
  if (format != results_format) {
    return failure(ErrorKind::corrupt, name + " is no result file of batchfit",
                   "give a file that batchfit tune … --export-json FILE wrote");
  }
  if (version != results_version) {
    return failure(ErrorKind::corrupt,
                   name + " is of version " + std::to_string(version) + "; this batchfit reads version " +
                       std::to_string(results_version),
                   "use the batchfit that wrote it, or tune again with this one");
  }
  return {};
}

}  // namespace

Result<RunReport> parse_results(std::string_view text, const std::string& name,
                                const std::function<void(std::size_t)>& consumed) {
  JsonCursor cursor(text);
  Json head = Json::object();
  std::vector<WorkloadReport> workloads;
  bool has_workloads = false;
  cursor.object([&](std::string_view key) {
    if (key != "workloads") {
      const auto value = parse_json(cursor.raw());
      if (value) head[std::string(key)] = *value;
      if (!value) cursor.fail("'" + std::string(key) + "' is not valid");
      return;
    }
    has_workloads = true;
    cursor.array([&] {
      workloads.push_back(workload(cursor));
      if (consumed) consumed(cursor.position());
    });
  });
  cursor.end();
  const Json& format = head.contains("format") ? head["format"] : Json();
  const Json& version = head.contains("version") ? head["version"] : Json();
  const bool whole_head = format.is_string() && version.is_number_integer();
  if (whole_head || !cursor.failed()) {
    const auto known = check_format(name, whole_head ? format.get<std::string>() : "",
                                    whole_head ? version.get<std::int64_t>() : 0);
    if (!known) return failure(known.error());
  }
  if (cursor.failed()) return failure(not_readable(name, *cursor.error()));
  auto run = run_from_json(head);
  if (!run) return failure(not_readable(name, run.error().message));
  if (!has_workloads) return failure(not_readable(name, "it has no 'workloads'"));
  run->workloads = std::move(workloads);
  for (WorkloadReport& one : run->workloads) one.answer.objective = run->objective;
  return std::move(*run);
}

Result<RunReport> read_results(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) return failure(file.error());
  return parse_results((*file)->text(), path.string(),
                       [&](std::size_t consumed) { (*file)->release(consumed); });
}

}  // namespace batchfit
