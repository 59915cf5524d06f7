#include "report/csv_export.h"

#include <array>

#include "facts/json.h"
#include "report/display.h"
#include "report/distribution.h"
#include "report/figures.h"

namespace batchfit {
namespace {

constexpr std::array<const char*, 31> headings{"model",
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
                                               "energy_per_item_j",
                                               "own_memory_bytes",
                                               "allocated_peak_bytes",
                                               "reserved_peak_bytes",
                                               "faults",
                                               "weight",
                                               "mixed_per_s",
                                               "notes"};

constexpr std::size_t key_column = 1;

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
          number(figures.energy_per_item),
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

std::vector<std::string> workload_cells(const WorkloadReport& workload,
                                        const std::optional<Subject>& subject) {
  std::vector<std::string> cells{csv_text(workload.model)};
  for (std::string& cell : subject_cells(subject)) cells.push_back(std::move(cell));
  cells.emplace_back(name_of(workload.error ? Status::failed : workload.answer.status));
  cells.push_back(truth(workload.from_cache));
  cells.push_back(workload.error ? csv_text(workload.error->text()) : "");
  return cells;
}

std::string notes_cell(const WorkloadReport& workload) {
  std::string notes;
  for (const std::string& note : workload.notes) notes += (notes.empty() ? "" : "; ") + note;
  return csv_text(notes);
}

using Cells = std::vector<std::string>;

Cells row(const WorkloadReport& workload, const std::optional<Subject>& subject, const Cells& batch,
          const Cells& mixture) {
  Cells cells = workload_cells(workload, subject);
  cells.insert(cells.end(), batch.begin(), batch.end());
  cells.insert(cells.end(), mixture.begin(), mixture.end());
  cells.push_back(notes_cell(workload));
  return cells;
}

/// A row for every input of the distribution but the one that was workload.
void add_inputs(std::vector<Cells>& rows, const WorkloadReport& workload, const MixtureReport& mixture) {
  for (std::size_t i = 0; i < mixture.figures.inputs.size(); ++i) {
    const auto& [input, figures] = mixture.figures.inputs[i];
    if (input.sizes == mixture.largest) continue;
    Subject subject = *workload.subject;
    for (const auto& [name, size] : input.sizes) subject.workload.shape[name] = size;
    Cells cells =
        row(workload, subject, batch_cells(figures, "input"), {number(std::optional(input.weight)), ""});
    cells[key_column] = mixture.keys[i].value_or(key_of(subject));
    rows.push_back(std::move(cells));
  }
}

/// Of the workload input in the distribution; absent where it is none of those measured.
std::optional<double> weight_of_largest(const MixtureReport& mixture) {
  for (const auto& [input, figures] : mixture.figures.inputs) {
    if (input.sizes == mixture.largest) return input.weight;
  }
  return std::nullopt;
}

std::vector<Cells> rows_of(const WorkloadReport& workload) {
  std::vector<Cells> rows;
  const auto& mixture = workload.mixture;
  for (const BatchFigures& figures : workload.batches) {
    const std::string role = role_of(figures.batch, workload.answer);
    const bool mixed = mixture && role == "best";
    rows.push_back(row(
        workload, workload.subject, batch_cells(figures, role),
        mixed ? Cells{number(weight_of_largest(*mixture)), number(mixture->figures.throughput)} : Cells(2)));
  }
  if (rows.empty()) rows.push_back(row(workload, workload.subject, Cells(14), Cells(2)));
  if (mixture) add_inputs(rows, workload, *mixture);
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

std::string export_csv(const RunReport& run) {
  std::string out = line_of({headings.begin(), headings.end()});
  for (const WorkloadReport& workload : run.workloads) {
    for (const std::vector<std::string>& row : rows_of(workload)) out += line_of(row);
  }
  return out;
}

}  // namespace batchfit
