#include "report/comparison.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/labels.h"
#include "report/wording.h"

namespace batchfit {
namespace {

// Between two runs lie another process and another day: twice what repeats within one search.
constexpr double between_runs = 2;
// An allocator's segment, or a process's resident peak, differs by this between two runs of the same.
constexpr double memory_noise = 0.01;

const BatchFigures* find(const WorkloadReport& workload, Batch batch) {
  const auto at = std::lower_bound(workload.batches.begin(), workload.batches.end(), batch,
                                   [](const BatchFigures& figures, Batch b) { return figures.batch < b; });
  return at == workload.batches.end() || at->batch != batch ? nullptr : &*at;
}

bool same_question(const WorkloadReport& a, const WorkloadReport& b) {
  if (!a.subject || !b.subject) return a.model == b.model;
  Workload mine = a.subject->workload;
  mine.model_code = b.subject->workload.model_code;
  return mine == b.subject->workload && a.subject->device.kind == b.subject->device.kind &&
         a.subject->device.name == b.subject->device.name && a.subject->device.mig == b.subject->device.mig;
}

Timing timing_of(const WorkloadReport& workload) {
  return workload.subject ? workload.subject->workload.timing : Timing::eager;
}

/// Compares one workload of two runs.
class Comparer {
 public:
  Comparer(std::string label, const WorkloadReport& was, const WorkloadReport& now)
      : label_(std::move(label)), was_(was), now_(now) {}

  std::vector<Change> changes() {
    answer();
    latency_and_memory(1);
    const auto& batch = was_.figures.batch;
    if (batch && *batch != 1) latency_and_memory(*batch);
    return std::move(out_);
  }

 private:
  void answer() {
    const auto& was = was_.figures;
    const auto& now = now_.figures;
    if (was.batch.has_value() != now.batch.has_value()) {
      const auto count = [](const std::optional<Batch>& batch) {
        return batch ? std::optional(static_cast<double>(*batch)) : std::nullopt;
      };
      out_.push_back({label_, "answer", count(was.batch), count(now.batch),
                      now.batch ? Change::Kind::better : Change::Kind::worse});
      return;
    }
    if (!was.batch) return;
    out_.push_back({label_, "batch", static_cast<double>(*was.batch), static_cast<double>(*now.batch),
                    Change::Kind::same});
    add("items/s", was.throughput, now.throughput, latency_noise_at(*was.batch, *now.batch),
        /*more_is_better=*/true);
  }

  void latency_and_memory(Batch batch) {
    const BatchFigures* was = find(was_, batch);
    const BatchFigures* now = find(now_, batch);
    if (was == nullptr || now == nullptr) return;
    add(fmt::format("latency at batch {}", batch), was->latency, now->latency, latency_noise_at(batch, batch),
        false);
    const auto number = [](const std::optional<Bytes>& bytes) {
      return bytes ? std::optional(static_cast<double>(*bytes)) : std::nullopt;
    };
    add(fmt::format("memory at batch {}", batch), number(was->own_memory), number(now->own_memory),
        memory_noise, false);
  }

  double latency_noise_at(Batch was_batch, Batch now_batch) const {
    const BatchFigures* was = find(was_, was_batch);
    const BatchFigures* now = find(now_, now_batch);
    const double mine = was != nullptr ? was->latency_error.value_or(0) : 0;
    const double its = now != nullptr ? now->latency_error.value_or(0) : 0;
    return between_runs * latency_noise(mine, its, timing_of(now_));
  }

  void add(std::string figure, const std::optional<double>& was, const std::optional<double>& now,
           double noise, bool more_is_better) {
    if (!was || !now || *was <= 0) return;
    const double share = *now / *was - 1;
    const bool more = share > 0;
    const Change::Kind kind = std::abs(share) <= noise ? Change::Kind::same
                              : more == more_is_better ? Change::Kind::better
                                                       : Change::Kind::worse;
    out_.push_back({label_, std::move(figure), was, now, kind});
  }

  std::string label_;
  const WorkloadReport& was_;
  const WorkloadReport& now_;
  std::vector<Change> out_;
};

std::string figure_text(const Change& change, const std::optional<double>& value) {
  if (!value) return unknown_text;
  if (change.figure == "items/s") return throughput_text(*value);
  if (change.figure.starts_with("latency")) return format_seconds(*value);
  if (change.figure.starts_with("memory")) return format_bytes(static_cast<Bytes>(std::llround(*value)));
  return count_text(std::llround(*value));
}

std::string from_to(const std::string& from, const std::string& to) { return from + " -> " + to; }

/// What processing takes at "batch 1" or "answer".
const Processing* processing_at(const WorkloadReport& workload, std::string_view at) {
  const auto found = std::find_if(workload.processing.begin(), workload.processing.end(),
                                  [at](const Processing& one) { return one.at == at; });
  return found == workload.processing.end() ? nullptr : &*found;
}

template <class T>
std::string processing_text(const WorkloadReport& workload, std::string_view at,
                            std::optional<T> Processing::*value, std::string (*form)(T)) {
  const Processing* one = processing_at(workload, at);
  return one == nullptr ? std::string(unknown_text) : or_unknown(one->*value, form);
}

std::string share_of(const std::optional<double>& value, const std::optional<double>& whole) {
  return value && whole ? share_text(*value / *whole) : std::string(unknown_text);
}

void drop_empty(std::vector<Column>& columns) {
  std::erase_if(columns, [](const Column& column) {
    return !column.cells.empty() &&
           std::all_of(column.cells.begin(), column.cells.end(), [](const std::string& cell) {
             return cell.empty() || cell == unknown_text || cell == from_to(unknown_text, unknown_text);
           });
  });
}

void add_row(std::vector<Column>& columns, std::vector<std::string> cells) {
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i].cells.push_back(std::move(cells[i]));
}

/// The labels of all workloads as if they had run on one device, in the order of the runs.
std::vector<std::string> labels_without_device(const std::vector<NamedRun>& runs) {
  RunReport merged;
  for (const auto& [name, run] : runs) {
    for (const WorkloadReport& workload : run.workloads) {
      WorkloadReport named;
      named.model = workload.model;
      named.subject = workload.subject;
      if (named.subject) named.subject->device = {};
      if (named.subject) named.subject->runtime = {};
      merged.workloads.push_back(std::move(named));
    }
  }
  return label(merged).models;
}

}  // namespace

std::optional<double> Change::share() const {
  if (!was || !now || *was == 0) return std::nullopt;
  return *now / *was - 1;
}

std::vector<Change> changes(const RunReport& earlier, const RunReport& now) {
  const Labels labels = label(now);
  std::vector<Change> out;
  for (std::size_t i = 0; i < now.workloads.size(); ++i) {
    const auto was =
        std::find_if(earlier.workloads.begin(), earlier.workloads.end(),
                     [&](const WorkloadReport& one) { return same_question(one, now.workloads[i]); });
    if (was == earlier.workloads.end()) continue;
    for (Change& change : Comparer(labels.models[i], *was, now.workloads[i]).changes())
      out.push_back(std::move(change));
  }
  return out;
}

bool any_worse(const std::vector<Change>& changes) {
  return std::any_of(changes.begin(), changes.end(),
                     [](const Change& change) { return change.kind == Change::Kind::worse; });
}

std::vector<Column> before_and_after(const RunReport& run) {
  std::vector<Column> columns{{.heading = "model", .right = false, .cells = {}},
                              {.heading = "batch", .cells = {}},
                              {.heading = "latency", .importance = 6, .cells = {}},
                              {.heading = "own memory", .importance = 2, .cells = {}},
                              {.heading = "items/s", .importance = 8, .cells = {}},
                              {.heading = "J an item", .importance = 3, .cells = {}},
                              {.heading = "time for " + count_text(run.items), .importance = 1, .cells = {}},
                              {.heading = "dollars", .importance = 4, .cells = {}},
                              {.heading = "speed-up", .importance = 7, .cells = {}}};
  const Labels labels = label(run);
  for (std::size_t i = 0; i < run.workloads.size(); ++i) {
    const WorkloadReport& workload = run.workloads[i];
    const BatchFigures* one = find(workload, 1);
    const BatchFigures* best = workload.figures.batch ? find(workload, *workload.figures.batch) : nullptr;
    const auto both = [&](const auto& text) {
      return from_to(one != nullptr ? text(*one) : unknown_text,
                     best != nullptr ? text(*best) : unknown_text);
    };
    const auto time = [&](std::string_view at) {
      const Processing* taken = processing_at(workload, at);
      return taken == nullptr ? std::string(unknown_text) : long_time_text(taken->seconds);
    };
    add_row(columns, {labels.models[i], both([](const BatchFigures& b) { return count_text(b.batch); }),
                      both([](const BatchFigures& b) { return or_unknown(b.latency, format_seconds); }),
                      both([](const BatchFigures& b) { return or_unknown(b.own_memory, format_bytes); }),
                      both([](const BatchFigures& b) { return or_unknown(b.throughput, throughput_text); }),
                      both([](const BatchFigures& b) { return or_unknown(b.energy_per_item, joules_text); }),
                      from_to(time("batch 1"), time("answer")),
                      from_to(processing_text(workload, "batch 1", &Processing::usd, usd_text),
                              processing_text(workload, "answer", &Processing::usd, usd_text)),
                      or_unknown(workload.figures.speed_up, ratio_text)});
  }
  drop_empty(columns);
  return columns;
}

std::vector<Column> choices_table(const WorkloadReport& workload) {
  std::vector<Column> columns{{.heading = "objective", .right = false, .cells = {}},
                              {.heading = "batch", .cells = {}},
                              {.heading = "latency", .cells = {}},
                              {.heading = "own memory", .importance = 4, .cells = {}},
                              {.heading = "items/s", .cells = {}},
                              {.heading = "J an item", .importance = 5, .cells = {}},
                              {.heading = "near-ties", .right = false, .importance = 3, .cells = {}}};
  for (const auto& [goal, choice] : workload.answer.choices) {
    const BatchFigures* figures = find(workload, choice.batch);
    if (figures == nullptr) continue;
    std::string ties;
    for (const auto& [batch, behind] : choice.near_ties)
      ties += fmt::format("{}{} ({} behind)", ties.empty() ? "" : ", ", batch, difference_text(behind));
    if (choice.batch != choice.top) ties = fmt::format("{} measured best; {}", choice.top, ties);
    add_row(
        columns,
        {std::string(name_of(goal)), count_text(choice.batch), or_unknown(figures->latency, format_seconds),
         or_unknown(figures->own_memory, format_bytes), or_unknown(figures->throughput, throughput_text),
         or_unknown(figures->energy_per_item, joules_text), ties});
  }
  drop_empty(columns);
  return columns;
}

std::string front_text(const Answer& answer) {
  std::vector<std::string> batches;
  for (const Batch batch : answer.front) batches.push_back(std::to_string(batch));
  if (batches.empty()) return "";
  return join_words(batches) + (answer.knee ? fmt::format("; it bends at batch {}", *answer.knee) : "");
}

std::vector<Column> across_devices(const std::vector<NamedRun>& runs) {
  struct Row {
    std::string label;
    const WorkloadReport* workload;
    const NamedRun* from;
  };
  const std::vector<std::string> labels = labels_without_device(runs);
  std::vector<Row> rows;
  for (const NamedRun& named : runs) {
    for (const WorkloadReport& workload : named.run.workloads)
      rows.push_back({labels[rows.size()], &workload, &named});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    if (a.label != b.label) return a.label < b.label;
    return a.workload->figures.throughput.value_or(0) > b.workload->figures.throughput.value_or(0);
  });
  std::vector<Column> columns{
      {.heading = "model", .right = false, .cells = {}},
      {.heading = "device", .right = false, .most = 34, .cells = {}},
      {.heading = "batch", .cells = {}},
      {.heading = "latency", .importance = 5, .cells = {}},
      {.heading = "memory", .importance = 4, .cells = {}},
      {.heading = "items/s", .cells = {}},
      {.heading = "of the best", .importance = 7, .cells = {}},
      {.heading = "dollars for " + count_text(runs.front().run.items), .importance = 6, .cells = {}},
      {.heading = "J an item", .importance = 3, .cells = {}},
      {.heading = "file", .right = false, .importance = 2, .cells = {}}};
  std::optional<double> best;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const WorkloadReport& workload = *rows[i].workload;
    const AnswerFigures& figures = workload.figures;
    if (i == 0 || rows[i].label != rows[i - 1].label) best = figures.throughput;
    const BatchFigures* at_best = figures.batch ? find(workload, *figures.batch) : nullptr;
    add_row(
        columns,
        {rows[i].label, workload.subject ? device_text(workload.subject->device) : status_text(workload),
         or_unknown(figures.batch, count_text), or_unknown(figures.latency, format_seconds),
         or_unknown(figures.memory, format_bytes), or_unknown(figures.throughput, throughput_text),
         share_of(figures.throughput, best), processing_text(workload, "answer", &Processing::usd, usd_text),
         or_unknown(at_best != nullptr ? at_best->energy_per_item : std::nullopt, joules_text),
         rows[i].from->name});
  }
  drop_empty(columns);
  return columns;
}

std::vector<Column> changes_table(const std::vector<Change>& changes) {
  std::vector<Column> columns{{.heading = "model", .right = false, .cells = {}},
                              {.heading = "figure", .right = false, .cells = {}},
                              {.heading = "was", .cells = {}},
                              {.heading = "now", .cells = {}},
                              {.heading = "change", .cells = {}},
                              {.heading = "", .right = false, .cells = {}}};
  for (const Change& change : changes) {
    const auto share = change.share();
    const char* said = change.kind == Change::Kind::worse    ? "WORSE"
                       : change.kind == Change::Kind::better ? "better"
                       : change.figure == "batch"            ? ""
                                                             : "within the noise";
    add_row(columns,
            {change.workload, change.figure, figure_text(change, change.was), figure_text(change, change.now),
             share ? (*share < 0 ? "-" : "+") + difference_text(std::abs(*share)) : unknown_text, said});
  }
  return columns;
}

}  // namespace batchfit
