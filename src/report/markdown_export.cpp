#include "report/markdown_export.h"

#include "facts/json.h"
#include "report/columns.h"
#include "report/comparison.h"
#include "report/display.h"
#include "report/distribution.h"
#include "report/figures.h"
#include "report/labels.h"
#include "report/wording.h"

namespace batchfit {
namespace {

std::string row(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const std::string& cell : cells) line += " " + cell + " |";
  return line + "\n";
}

std::string answers_table(const RunReport& run, const Labels& labels) {
  const bool tokens = tells_tokens(run);
  std::string out = "| model | batch | latency | of its limit | memory | of its limit | items/s |";
  if (tokens) out += " tokens/s | \\$/M tokens |";
  out += " speed-up | probes | time | limited by |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |";
  if (tokens) out += " ---: | ---: |";
  out += " ---: | ---: | ---: | --- |\n";
  for (std::size_t i = 0; i < run.workloads.size(); ++i) {
    const WorkloadReport& workload = run.workloads[i];
    const AnswerFigures& figures = workload.figures;
    std::vector<std::string> cells{markdown_text(labels.models[i]),
                                   or_unknown(figures.batch, count_text),
                                   or_unknown(figures.latency, format_seconds),
                                   or_unknown(figures.latency_share, share_text),
                                   or_unknown(figures.memory, format_bytes),
                                   or_unknown(figures.memory_share, share_text),
                                   or_unknown(figures.throughput, throughput_text)};
    if (tokens) {
      cells.push_back(or_unknown(figures.tokens, throughput_text));
      cells.push_back(markdown_text(or_unknown(figures.usd_per_million_tokens, usd_text)));
    }
    cells.insert(cells.end(), {or_unknown(figures.speed_up, ratio_text), count_text(workload.probes),
                               format_seconds(workload.seconds), markdown_text(limiter_text(workload))});
    out += row(cells);
  }
  return out;
}

std::string at_text(const Processing& one) {
  return one.at == "batch 1" || one.at == "answer" ? one.at : "best by " + one.at;
}

/// What each objective chooses, and the front.
std::string objectives_part(const WorkloadReport& workload) {
  if (workload.answer.choices.empty()) return "";
  return "\n" + markdown_grid(choices_table(workload)) + "\nPareto front: " + front_text(workload.answer) +
         ".\n";
}

/// What it takes to process the items, at each batch that is chosen for something.
std::string costs_table(const WorkloadReport& workload, std::int64_t items) {
  if (workload.processing.empty()) return "";
  std::string out = "\n" + row({count_text(items) + " items", "batch", "time", "dollars", "energy"});
  out += "| --- | ---: | ---: | ---: | ---: |\n";
  for (const Processing& one : workload.processing) {
    out += row({at_text(one), count_text(one.batch), long_time_text(one.seconds),
                or_unknown(one.usd, usd_text), or_unknown(one.kwh, kwh_text)});
  }
  if (!workload.price) return out;
  return out + "\nAt " + usd_text(workload.price->usd_per_hour) + " an hour" +
         (workload.price->is_default ? ", by default the " : ": ") + markdown_text(workload.price->source) +
         ".\n";
}

std::string outcome_cell(const BatchFigures& figures) {
  const std::string outcome(figures.outcome ? name_of(*figures.outcome) : "fault");
  return markdown_text(figures.reason.empty() ? outcome : outcome + ": " + figures.reason);
}

std::string inputs_table(const WorkloadReport& workload) {
  if (!workload.mixture || workload.mixture->figures.inputs.empty()) return "";
  std::string out = "\n" + row({"input", "weight", "outcome", "latency", "items/s", "own memory"});
  out += "| --- | ---: | --- | ---: | ---: | ---: |\n";
  for (const auto& [input, at] : workload.mixture->figures.inputs) {
    out += row({markdown_text(sizes_text(input.sizes)), dump_json(Json(input.weight)), outcome_cell(at),
                or_unknown(at.latency, format_seconds), or_unknown(at.throughput, throughput_text),
                or_unknown(at.own_memory, format_bytes)});
  }
  return out;
}

std::string batches_table(const std::vector<BatchFigures>& batches) {
  std::string out = row({"batch", "outcome", "latency", "least", "most", "samples", "items/s", "own memory",
                         "allocated", "reserved"});
  out += "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
  for (const BatchFigures& figures : batches) {
    out += row(
        {count_text(figures.batch), outcome_cell(figures), or_unknown(figures.latency, format_seconds),
         or_unknown(figures.latency_min, format_seconds), or_unknown(figures.latency_max, format_seconds),
         figures.samples > 0 ? count_text(figures.samples) : unknown_text,
         or_unknown(figures.throughput, throughput_text), or_unknown(figures.own_memory, format_bytes),
         or_unknown(figures.allocated_peak, format_bytes), or_unknown(figures.reserved_peak, format_bytes)});
  }
  return out;
}

}  // namespace

std::string markdown_text(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '\\':
      case '|':
      case '`':
      case '*':
      case '[':
      case ']':
      case '#':
      case '~':
      case '$':
        out += '\\';
        [[fallthrough]];
      default:
        out += c;
    }
  }
  return out;
}

std::string export_markdown(const RunReport& run) {
  const Labels labels = label(run);
  std::string out = "# batchfit results\n\n";
  if (!labels.shared.empty()) out += markdown_text(labels.shared) + "  \n";
  out += "limits: " + limits_text(run.limits) + objective_text(run.objective) +
         "; strategy: " + markdown_text(run.strategy) + "\n\n";
  out += answers_table(run, labels);
  for (std::size_t i = 0; i < run.workloads.size(); ++i) {
    const WorkloadReport& workload = run.workloads[i];
    out += "\n## " + markdown_text(labels.models[i]) + "\n\n";
    for (const std::string& line : workload.certificate) out += "- " + markdown_text(line) + "\n";
    out += objectives_part(workload);
    out += costs_table(workload, run.items);
    out += inputs_table(workload);
    if (!workload.batches.empty()) out += "\n" + batches_table(workload.batches);
  }
  return out;
}

}  // namespace batchfit
