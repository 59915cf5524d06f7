#include "report/csv_export.h"

#include <array>

#include "facts/json.h"
#include "report/display.h"
#include "report/figures.h"

namespace batchfit {
namespace {

constexpr std::array<const char*, 28> headings{"model",
                                               "key",
                                               "device",
                                               "runtime",
                                               "mode",
                                               "shape",
                                               "dtype",
                                               "tf32",
                                               "channels_last",
                                               "timing",
                                               "weights",
                                               "status",
                                               "from_cache",
                                               "error",
                                               "batch",
                                               "answer",
                                               "outcome",
                                               "reason",
                                               "samples",
                                               "latency_s",
                                               "latency_min_s",
                                               "latency_max_s",
                                               "throughput_per_s",
                                               "own_memory_bytes",
                                               "allocated_peak_bytes",
                                               "reserved_peak_bytes",
                                               "faults",
                                               "notes"};

std::string truth(bool value) { return value ? "true" : "false"; }

/// As the JSON export writes it: the shortest digits that give the same number back.
template <class T>
std::string number(const std::optional<T>& value) {
  return value ? dump_json(Json(*value)) : "";
}

/// 0 samples or faults is a count, but there is nothing to say of them.
std::string count(int value) { return value > 0 ? std::to_string(value) : ""; }

std::vector<std::string> subject_cells(const TunedWorkload& tuned) {
  if (!tuned.subject) return std::vector<std::string>(10);
  const auto& [device, runtime, workload] = *tuned.subject;
  std::string shape;
  for (const auto& [name, size] : workload.shape)
    shape += (shape.empty() ? "" : " ") + name + "=" + std::to_string(size);
  return {key_of(*tuned.subject),
          csv_text((device.kind == "sim" ? "SIMULATED " : "") + device.name),
          csv_text(runtime.name + " " + runtime.version),
          csv_text(workload.mode),
          csv_text(shape),
          csv_text(workload.dtype),
          truth(workload.tf32),
          truth(workload.channels_last),
          std::string(name_of(workload.timing)),
          csv_text(workload.weights)};
}

std::string role_of(Batch batch, const Answer& answer) {
  if (answer.best && answer.best->batch == batch) return "best";
  for (const Ruling& ruling : answer.undecided) {
    if (ruling.batch == batch) return "undecided";
  }
  return answer.next && answer.next->batch == batch ? "next" : "";
}

std::vector<std::string> batch_cells(const BatchFigures& figures, const Answer& answer) {
  return {std::to_string(figures.batch),
          role_of(figures.batch, answer),
          figures.outcome ? std::string(name_of(*figures.outcome)) : "",
          csv_text(figures.reason),
          count(figures.samples),
          number(figures.latency),
          number(figures.latency_min),
          number(figures.latency_max),
          number(figures.throughput),
          number(figures.own_memory),
          number(figures.allocated_peak),
          number(figures.reserved_peak),
          count(figures.faults)};
}

std::string line_of(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) line += (&cell == &cells.front() ? "" : ",") + cell;
  return line + "\n";
}

std::vector<std::string> workload_cells(const TunedWorkload& tuned) {
  std::vector<std::string> cells{csv_text(tuned.model)};
  for (std::string& cell : subject_cells(tuned)) cells.push_back(std::move(cell));
  cells.emplace_back(name_of(tuned.error ? Status::failed : tuned.answer.status));
  cells.push_back(truth(tuned.from_cache));
  cells.push_back(tuned.error ? csv_text(tuned.error->text()) : "");
  return cells;
}

std::string notes_cell(const TunedWorkload& tuned) {
  std::string notes;
  for (const std::string& note : tuned.notes) notes += (notes.empty() ? "" : "; ") + note;
  return csv_text(notes);
}

}  // namespace

std::string csv_text(std::string_view text) {
  const bool formula = !text.empty() && std::string_view("=+-@").find(text.front()) != std::string_view::npos;
  std::string out = (formula ? "'" : "") + printable(text);
  if (out.find_first_of(",\"") == std::string::npos) return out;
  std::string quoted = "\"";
  for (const char c : out) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

std::string export_csv(const TuneRun& run) {
  std::string out = line_of({headings.begin(), headings.end()});
  for (const TunedWorkload& tuned : run.workloads) {
    const std::vector<std::string> workload = workload_cells(tuned);
    const std::string notes = notes_cell(tuned);
    const auto add_row = [&](const std::vector<std::string>& batch) {
      std::vector<std::string> cells = workload;
      cells.insert(cells.end(), batch.begin(), batch.end());
      cells.push_back(notes);
      out += line_of(cells);
    };
    const auto batches = figures_of(tuned.evidence);
    if (batches.empty()) add_row(std::vector<std::string>(13));
    for (const BatchFigures& figures : batches) add_row(batch_cells(figures, tuned.answer));
  }
  return out;
}

}  // namespace batchfit
