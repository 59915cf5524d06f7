#include "report/table.h"

#include <algorithm>

#include "report/columns.h"
#include "report/display.h"
#include "report/labels.h"
#include "report/objective_lines.h"
#include "report/video_table.h"
#include "report/wording.h"

namespace batchfit {
namespace {

// ANSI select-graphic-rendition codes.
constexpr const char* bold = "\x1b[1m";
constexpr const char* dim = "\x1b[2m";
constexpr const char* red = "\x1b[31m";
constexpr const char* yellow = "\x1b[33m";
constexpr const char* plain = "\x1b[0m";

// Sentences are read more easily in lines no longer than this, however wide the terminal.
constexpr std::size_t most_text_width = 100;

std::string share_cell(const std::optional<double>& share) { return share ? share_text(*share) : ""; }

/// Throughput over a distribution of inputs; nothing where all are alike.
std::string mixed_cell(const WorkloadReport& workload) {
  return workload.mixture ? or_unknown(workload.mixture->figures.throughput, throughput_text) : "";
}

std::vector<Column> columns_of(const RunReport& run, const Labels& labels) {
  std::vector<Column> columns{{.heading = "model", .right = false, .gap = 0, .cells = {}},
                              {.heading = "batch", .cells = {}},
                              {.heading = "latency", .cells = {}},
                              {.heading = "%", .gap = 1, .importance = 4, .cells = {}},
                              {.heading = "memory", .importance = 6, .cells = {}},
                              {.heading = "%", .gap = 1, .importance = 4, .cells = {}},
                              {.heading = "items/s", .importance = 5, .cells = {}},
                              {.heading = "tokens/s", .importance = 5, .cells = {}},
                              {.heading = "$/M tokens", .importance = 2, .cells = {}},
                              {.heading = "mixed/s", .importance = 5, .cells = {}},
                              {.heading = "speed-up", .importance = 3, .cells = {}},
                              {.heading = "probes", .importance = 1, .cells = {}},
                              {.heading = "time", .importance = 1, .cells = {}},
                              {.heading = "limited by", .right = false, .importance = 8, .cells = {}}};
  for (std::size_t i = 0; i < run.workloads.size(); ++i) {
    const WorkloadReport& workload = run.workloads[i];
    const AnswerFigures& figures = workload.figures;
    const std::vector<std::string> row{
        printable(labels.models[i]),
        or_unknown(figures.batch, count_text),
        or_unknown(figures.latency, format_seconds),
        share_cell(figures.latency_share),
        or_unknown(figures.memory, format_bytes),
        share_cell(figures.memory_share),
        or_unknown(figures.throughput, throughput_text),
        figures.tokens ? throughput_text(*figures.tokens) : "",
        figures.usd_per_million_tokens ? usd_text(*figures.usd_per_million_tokens) : "",
        mixed_cell(workload),
        or_unknown(figures.speed_up, ratio_text),
        count_text(workload.probes),
        format_seconds(workload.seconds),
        printable(limiter_text(workload))};
    for (std::size_t c = 0; c < row.size(); ++c) columns[c].cells.push_back(row[c]);
  }
  // no limit, no mixture
  std::erase_if(columns, [](const Column& column) { return column.holds_nothing(); });
  return columns;
}

std::string painted(const std::string& text, const char* colour, const TableOptions& options) {
  return options.colour ? colour + text + plain : text;
}

const char* colour_of(const WorkloadReport& workload) {
  if (workload.error) return red;
  if (workload.answer.status == Status::found) return bold;
  return workload.answer.best || workload.answer.status == Status::undecided ? yellow : red;
}

std::string answers_grid(const std::vector<Column>& columns, const RunReport& run,
                         const TableOptions& options) {
  const Grid grid(columns);
  std::string out = painted(grid.heading(), dim, options) + "\n";
  for (std::size_t row = 0; row < run.workloads.size(); ++row) {
    const char* colour = colour_of(run.workloads[row]);
    out += grid.row(row, [&](const Column& column, const std::string& cell) {
      const bool answer = column.heading == "batch" || column.heading == "limited by";
      return answer ? painted(cell, colour, options) : cell;
    });
    out += "\n";
  }
  return out;
}

std::string effort_text(const WorkloadReport& workload) {
  return count_text(workload.probes) + (workload.probes == 1 ? " probe in " : " probes in ") +
         format_seconds(workload.seconds);
}

}  // namespace

std::string render_table(const RunReport& run, const TableOptions& options) {
  const Labels labels = label(run);
  const auto width = static_cast<std::size_t>(std::max(options.width, 1));
  const std::size_t text_width = std::min(width, most_text_width);
  std::vector<Column> columns = columns_of(run, labels);
  fit(columns, width);
  const auto shown = [&](const char* heading) {
    return std::any_of(columns.begin(), columns.end(), [&](const Column& c) { return c.heading == heading; });
  };

  std::string out;
  if (!labels.shared.empty()) out += wrap(printable(labels.shared), text_width, 0);
  out += wrap("limits: " + limits_text(run.limits) + objective_text(run.objective) +
                  (shown("%") ? " (%: share of limit)" : ""),
              text_width, 0);
  out += "\n" + answers_grid(columns, run, options);
  for (std::size_t i = 0; i < run.workloads.size(); ++i) {
    const WorkloadReport& workload = run.workloads[i];
    std::vector<std::string> lines = workload.certificate;
    if (std::string cost = cost_line(workload, run.items); !cost.empty()) lines.push_back(std::move(cost));
    if (!shown("probes") && workload.probes > 0) lines.push_back(effort_text(workload));
    const std::string pipeline = workload.pipeline ? render_pipeline(*workload.pipeline) : "";
    if (lines.empty() && pipeline.empty()) continue;
    out += "\n" + painted(printable(labels.models[i]), bold, options) + "\n";
    for (const std::string& line : lines) out += wrap(printable(line), text_width, 2);
    out += pipeline;
  }
  return out;
}

}  // namespace batchfit
