#include "report/csv_export.h"

#include <array>

#include "facts/json.h"
#include "report/display.h"
#include "report/distribution.h"
#include "report/figures.h"

namespace batchfit {
namespace {

constexpr std::array<const char*, 30> headings{"model",
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
                                               "weight",
                                               "mixed_per_s",
                                               "notes"};

std::string truth(bool value) { return value ? "true" : "false"; }

/// As the JSON export writes it: the shortest digits that give the same number back.
template <class T>
std::string number(const std::optional<T>& value) {
  return value ? dump_json(Json(*value)) : "";
}

/// 0 samples or faults is a count, but there is nothing to say of them.
std::string count(int value) { return value > 0 ? std::to_string(value) : ""; }

std::vector<std::string> subject_cells(const std::optional<Subject>& subject) {
  if (!subject) return std::vector<std::string>(10);
  const auto& [device, runtime, workload] = *subject;
  std::string shape;
  for (const auto& [name, size] : workload.shape)
    shape += (shape.empty() ? "" : " ") + name + "=" + std::to_string(size);
  return {key_of(*subject),
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

std::vector<std::string> batch_cells(const BatchFigures& figures, const std::string& role) {
  return {std::to_string(figures.batch),
          role,
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

std::vector<std::string> workload_cells(const TunedWorkload& tuned, const std::optional<Subject>& subject) {
  std::vector<std::string> cells{csv_text(tuned.model)};
  for (std::string& cell : subject_cells(subject)) cells.push_back(std::move(cell));
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

using Cells = std::vector<std::string>;

Cells row(const TunedWorkload& tuned, const std::optional<Subject>& subject, const Cells& batch,
          const Cells& mixture) {
  Cells cells = workload_cells(tuned, subject);
  cells.insert(cells.end(), batch.begin(), batch.end());
  cells.insert(cells.end(), mixture.begin(), mixture.end());
  cells.push_back(notes_cell(tuned));
  return cells;
}

/// A row for every input of the distribution but the one that was tuned.
void add_inputs(std::vector<Cells>& rows, const TunedWorkload& tuned, const DistributionFigures& mixture) {
  for (std::size_t i = 0; i < mixture.inputs.size(); ++i) {
    const auto& [input, figures] = mixture.inputs[i];
    if (input.sizes == tuned.distribution->largest) continue;
    Subject subject = *tuned.subject;
    for (const auto& [name, size] : input.sizes) subject.workload.shape[name] = size;
    const auto& loaded = tuned.distribution->points[i].subject;
    rows.push_back(row(tuned, loaded ? *loaded : subject, batch_cells(figures, "input"),
                       {number(std::optional(input.weight)), ""}));
  }
}

/// Of the tuned input in the distribution; absent where it is none of those measured.
std::optional<double> weight_of_largest(const TunedWorkload& tuned, const DistributionFigures& mixture) {
  for (const auto& [input, figures] : mixture.inputs) {
    if (input.sizes == tuned.distribution->largest) return input.weight;
  }
  return std::nullopt;
}

std::vector<Cells> rows_of(const TunedWorkload& tuned) {
  std::vector<Cells> rows;
  const auto mixture = distribution_figures(tuned);
  for (const BatchFigures& figures : figures_of(tuned.evidence)) {
    const std::string role = role_of(figures.batch, tuned.answer);
    const bool mixed = mixture && role == "best";
    rows.push_back(row(
        tuned, tuned.subject, batch_cells(figures, role),
        mixed ? Cells{number(weight_of_largest(tuned, *mixture)), number(mixture->throughput)} : Cells(2)));
  }
  if (rows.empty()) rows.push_back(row(tuned, tuned.subject, Cells(13), Cells(2)));
  if (mixture) add_inputs(rows, tuned, *mixture);
  return rows;
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
    for (const std::vector<std::string>& row : rows_of(tuned)) out += line_of(row);
  }
  return out;
}

}  // namespace batchfit
