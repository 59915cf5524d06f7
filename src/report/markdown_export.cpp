#include "report/markdown_export.h"

#include "facts/json.h"
#include "report/certificate.h"
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

std::string answers_table(const TuneRun& run, const Labels& labels) {
  std::string out = row({"model", "batch", "latency", "of its limit", "memory", "of its limit", "items/s",
                         "speed-up", "probes", "time", "limited by"});
  out += "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n";
  for (std::size_t i = 0; i < run.workloads.size(); ++i) {
    const TunedWorkload& tuned = run.workloads[i];
    const AnswerFigures figures = answer_figures(tuned);
    out += row({markdown_text(labels.models[i]), or_unknown(figures.batch, count_text),
                or_unknown(figures.latency, format_seconds), or_unknown(figures.latency_share, share_text),
                or_unknown(figures.memory, format_bytes), or_unknown(figures.memory_share, share_text),
                or_unknown(figures.throughput, throughput_text), or_unknown(figures.speed_up, ratio_text),
                count_text(tuned.probes), format_seconds(tuned.seconds), markdown_text(limiter_text(tuned))});
  }
  return out;
}

std::string outcome_cell(const BatchFigures& figures) {
  const std::string outcome(figures.outcome ? name_of(*figures.outcome) : "fault");
  return markdown_text(figures.reason.empty() ? outcome : outcome + ": " + figures.reason);
}

std::string inputs_table(const TunedWorkload& tuned) {
  const auto figures = distribution_figures(tuned);
  if (!figures) return "";
  std::string out = "\n" + row({"input", "weight", "outcome", "latency", "items/s", "own memory"});
  out += "| --- | ---: | --- | ---: | ---: | ---: |\n";
  for (const auto& [input, at] : figures->inputs) {
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

std::string export_markdown(const TuneRun& run) {
  const Labels labels = label(run);
  std::string out = "# batchfit results\n\n";
  if (!labels.shared.empty()) out += markdown_text(labels.shared) + "  \n";
  out += "limits: " + limits_text(run.limits) + "; strategy: " + markdown_text(run.strategy) + "\n\n";
  out += answers_table(run, labels);
  for (std::size_t i = 0; i < run.workloads.size(); ++i) {
    const TunedWorkload& tuned = run.workloads[i];
    out += "\n## " + markdown_text(labels.models[i]) + "\n\n";
    for (const std::string& line : certificate(tuned, run.limits)) out += "- " + markdown_text(line) + "\n";
    out += inputs_table(tuned);
    const auto batches = figures_of(tuned.evidence);
    if (!batches.empty()) out += "\n" + batches_table(batches);
  }
  return out;
}

}  // namespace batchfit
