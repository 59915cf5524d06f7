#include "report/csv_export.h"

#include <array>
#include <charconv>

#include "facts/json.h"
#include "report/display.h"

namespace batchfit {
namespace {

constexpr std::array<const char*, 33> headings{"model",
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
                                               "first_token_s",
                                               "throughput_per_s",
                                               "tokens_per_s",
                                               "energy_per_item_j",
                                               "own_memory_bytes",
                                               "allocated_peak_bytes",
                                               "reserved_peak_bytes",
                                               "faults",
                                               "weight",
                                               "mixed_per_s",
                                               "notes"};

const char* truth(bool value) { return value ? "true" : "false"; }

/// Joins cells to a line.
class Line {
 public:
  void text(std::string_view cell) {
    if (!line_.empty() || begun_) line_ += ',';
    begun_ = true;
    line_ += cell;
  }
  template <class T>
  void number(T value) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    text({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }
  /// The shortest digits that give the same number back; nothing where there is none.
  template <class T>
  void number(const std::optional<T>& value) {
    value ? number(*value) : text("");
  }
  /// 0 samples or faults is a count, but there is nothing to say of them.
  void count(int value) { value > 0 ? number(value) : text(""); }
  const std::string& str() const { return line_; }

 private:
  std::string line_;
  bool begun_ = false;
};

/// The cells before those of a batch, for the workload or for another input of it.
std::string workload_cells(const WorkloadReport& workload, const std::optional<Subject>& subject,
                           const std::string& key) {
  Line line;
  line.text(csv_text(workload.model));
  if (subject) {
    const auto& [device, runtime, of] = *subject;
    std::string shape;
    for (const auto& [name, size] : of.shape)
      shape += (shape.empty() ? "" : " ") + name + "=" + std::to_string(size);
    line.text(key);
    line.text(csv_text((device.kind == "sim" ? "SIMULATED " : "") + device.name));
    line.text(csv_text(runtime.name + " " + runtime.version));
    line.text(csv_text(of.mode));
    line.text(csv_text(shape));
    line.text(csv_text(of.dtype));
    line.text(truth(of.tf32));
    line.text(truth(of.channels_last));
    line.text(name_of(of.timing));
    line.text(csv_text(of.weights));
  } else {
    for (int i = 0; i < 10; ++i) line.text("");
  }
  line.text(name_of(workload.error ? Status::failed : workload.answer.status));
  line.text(truth(workload.from_cache));
  line.text(workload.error ? csv_text(workload.error->text()) : "");
  return line.str();
}

const char* role_of(Batch batch, const Answer& answer) {
  if (answer.best && answer.best->batch == batch) return "best";
  for (const Ruling& ruling : answer.undecided) {
    if (ruling.batch == batch) return "undecided";
  }
  return answer.next && answer.next->batch == batch ? "next" : "";
}

void add_batch(Line& line, const BatchFigures& figures, const char* role) {
  line.number(figures.batch);
  line.text(role);
  line.text(figures.outcome ? name_of(*figures.outcome) : "");
  line.text(csv_text(figures.reason));
  line.count(figures.samples);
  line.number(figures.latency);
  line.number(figures.latency_min);
  line.number(figures.latency_max);
  line.number(figures.first_token);
  line.number(figures.throughput);
  line.number(figures.tokens);
  line.number(figures.energy_per_item);
  line.number(figures.own_memory);
  line.number(figures.allocated_peak);
  line.number(figures.reserved_peak);
  line.count(figures.faults);
}

std::string notes_cell(const WorkloadReport& workload) {
  std::string notes;
  for (const std::string& note : workload.notes) notes += (notes.empty() ? "" : "; ") + note;
  return csv_text(notes);
}

/// Of the tuned input in the distribution; absent where it is none of those measured.
std::optional<double> weight_of_largest(const MixtureReport& mixture) {
  for (const auto& [input, figures] : mixture.figures.inputs) {
    if (input.sizes == mixture.largest) return input.weight;
  }
  return std::nullopt;
}

/// A row for every input of the distribution but the one that was tuned.
void add_inputs(std::string& out, const WorkloadReport& workload, const std::string& notes) {
  const MixtureReport& mixture = *workload.mixture;
  for (std::size_t i = 0; i < mixture.figures.inputs.size(); ++i) {
    const auto& [input, figures] = mixture.figures.inputs[i];
    if (input.sizes == mixture.largest) continue;
    Subject subject = *workload.subject;
    for (const auto& [name, size] : input.sizes) subject.workload.shape[name] = size;
    Line line;
    line.text(workload_cells(workload, subject, mixture.keys[i].value_or(key_of(subject))));
    add_batch(line, figures, "input");
    line.number(input.weight);
    line.text("");
    line.text(notes);
    out += line.str() + "\n";
  }
}

void add_rows(std::string& out, const WorkloadReport& workload) {
  const auto& mixture = workload.mixture;
  const std::string notes = notes_cell(workload);
  const std::string cells =
      workload_cells(workload, workload.subject, workload.subject ? key_of(*workload.subject) : "");
  for (const BatchFigures& figures : workload.batches) {
    const char* role = role_of(figures.batch, workload.answer);
    const bool mixed = mixture && role == std::string_view("best");
    Line line;
    line.text(cells);
    add_batch(line, figures, role);
    line.number(mixed ? weight_of_largest(*mixture) : std::nullopt);
    line.number(mixed ? mixture->figures.throughput : std::nullopt);
    line.text(notes);
    out += line.str() + "\n";
  }
  if (workload.batches.empty()) out += cells + std::string(18, ',') + "," + notes + "\n";
  if (mixture) add_inputs(out, workload, notes);
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

std::string csv_heading() {
  Line line;
  for (const char* heading : headings) line.text(heading);
  return line.str() + "\n";
}

void add_csv_rows(std::string& out, const RunReport& run) {
  const std::size_t before = out.size();
  for (const WorkloadReport& workload : run.workloads) {
    add_rows(out, workload);
    // Workloads of one run are much alike; a buffer that doubles would take twice the memory.
    if (&workload == &run.workloads.front())
      out.reserve(before + (out.size() - before) * (run.workloads.size() + 1) / 20 * 21);
  }
}

std::string export_csv(const RunReport& run) {
  std::string out = csv_heading();
  add_csv_rows(out, run);
  return out;
}

}  // namespace batchfit
