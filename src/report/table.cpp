#include "report/table.h"

#include <algorithm>
#include <numeric>

#include "report/certificate.h"
#include "report/display.h"
#include "report/distribution.h"
#include "report/figures.h"
#include "report/labels.h"
#include "report/wording.h"

namespace batchfit {
namespace {

// ANSI select-graphic-rendition codes.
constexpr const char* bold = "\x1b[1m";
constexpr const char* dim = "\x1b[2m";
constexpr const char* red = "\x1b[31m";
constexpr const char* yellow = "\x1b[33m";
constexpr const char* plain = "\x1b[0m";

// A name is cut before figures are left out, but to no less than this; it stands in full below the table.
constexpr std::size_t least_model_width = 24;
// Sentences are read more easily in lines no longer than this, however wide the terminal.
constexpr std::size_t most_text_width = 100;

struct Column {
  std::string heading;
  bool right = true;    ///< aligned to the right, as numbers are
  std::size_t gap = 2;  ///< spaces before it
  int importance = 9;   ///< the least important leave first; 9 never leaves
  std::vector<std::string> cells;

  std::size_t width() const {
    std::size_t most = display_width(heading);
    for (const std::string& cell : cells) most = std::max(most, display_width(cell));
    return most;
  }
  bool holds_nothing() const {
    return !cells.empty() &&
           std::all_of(cells.begin(), cells.end(), [](const std::string& cell) { return cell.empty(); });
  }
};

std::string share_cell(const std::optional<double>& share) { return share ? share_text(*share) : ""; }

/// Throughput over a distribution of inputs; nothing where all are alike.
std::string mixed_cell(const TunedWorkload& tuned) {
  if (!tuned.distribution) return "";
  const auto figures = distribution_figures(tuned);
  return or_unknown(figures ? figures->throughput : std::nullopt, throughput_text);
}

std::vector<Column> columns_of(const TuneRun& run, const Labels& labels) {
  std::vector<Column> columns{{.heading = "model", .right = false, .gap = 0, .cells = {}},
                              {.heading = "batch", .cells = {}},
                              {.heading = "latency", .cells = {}},
                              {.heading = "%", .gap = 1, .importance = 4, .cells = {}},
                              {.heading = "memory", .importance = 6, .cells = {}},
                              {.heading = "%", .gap = 1, .importance = 4, .cells = {}},
                              {.heading = "items/s", .importance = 5, .cells = {}},
                              {.heading = "tokens/s", .importance = 5, .cells = {}},
                              {.heading = "mixed/s", .importance = 5, .cells = {}},
                              {.heading = "speed-up", .importance = 3, .cells = {}},
                              {.heading = "probes", .importance = 1, .cells = {}},
                              {.heading = "time", .importance = 1, .cells = {}},
                              {.heading = "limited by", .right = false, .importance = 8, .cells = {}}};
  for (std::size_t i = 0; i < run.workloads.size(); ++i) {
    const TunedWorkload& tuned = run.workloads[i];
    const AnswerFigures figures = answer_figures(tuned);
    const std::vector<std::string> row{printable(labels.models[i]),
                                       or_unknown(figures.batch, count_text),
                                       or_unknown(figures.latency, format_seconds),
                                       share_cell(figures.latency_share),
                                       or_unknown(figures.memory, format_bytes),
                                       share_cell(figures.memory_share),
                                       or_unknown(figures.throughput, throughput_text),
                                       figures.tokens ? throughput_text(*figures.tokens) : "",
                                       mixed_cell(tuned),
                                       or_unknown(figures.speed_up, ratio_text),
                                       count_text(tuned.probes),
                                       format_seconds(tuned.seconds),
                                       printable(limiter_text(tuned))};
    for (std::size_t c = 0; c < row.size(); ++c) columns[c].cells.push_back(row[c]);
  }
  std::erase_if(columns,
                [](const Column& column) { return column.holds_nothing(); });  // no limit, no mixture
  return columns;
}

std::size_t total_width(const std::vector<Column>& columns) {
  return std::accumulate(
      columns.begin(), columns.end(), std::size_t{0},
      [](std::size_t sum, const Column& column) { return sum + column.gap + column.width(); });
}

void cut_names(Column& models, std::size_t excess) {
  const std::size_t wanted = models.width() - std::min(excess, models.width());
  for (std::string& cell : models.cells) cell = shorten(cell, std::max(least_model_width, wanted));
}

/// What the search took is left out first, then names are cut, then the least important figures go.
void fit(std::vector<Column>& columns, std::size_t width) {
  for (int importance = 1; importance < 9 && total_width(columns) > width; ++importance) {
    std::erase_if(columns, [&](const Column& column) { return column.importance == importance; });
    const std::size_t total = total_width(columns);
    if (total > width) cut_names(columns.front(), total - width);
  }
}

std::string painted(const std::string& text, const char* colour, const TableOptions& options) {
  return options.colour ? colour + text + plain : text;
}

std::string aligned(const Column& column, const std::string& text, bool last) {
  const std::string gap(column.gap, ' ');
  if (column.right) return gap + pad_left(text, column.width());
  return gap + (last ? text : pad_right(text, column.width()));
}

const char* colour_of(const TunedWorkload& tuned) {
  if (tuned.error) return red;
  if (tuned.answer.status == Status::found) return bold;
  return tuned.answer.best || tuned.answer.status == Status::undecided ? yellow : red;
}

std::string grid(const std::vector<Column>& columns, const TuneRun& run, const TableOptions& options) {
  std::string heading;
  for (const Column& column : columns) heading += aligned(column, column.heading, &column == &columns.back());
  std::string out = painted(heading, dim, options) + "\n";
  for (std::size_t row = 0; row < run.workloads.size(); ++row) {
    std::string line;
    for (const Column& column : columns) {
      const std::string cell = aligned(column, column.cells[row], &column == &columns.back());
      const bool answer = column.heading == "batch" || column.heading == "limited by";
      line += answer ? painted(cell, colour_of(run.workloads[row]), options) : cell;
    }
    out += line + "\n";
  }
  return out;
}

std::string effort_text(const TunedWorkload& tuned) {
  return count_text(tuned.probes) + (tuned.probes == 1 ? " probe in " : " probes in ") +
         format_seconds(tuned.seconds);
}

}  // namespace

std::string render_table(const TuneRun& run, const TableOptions& options) {
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
  out +=
      wrap("limits: " + limits_text(run.limits) + (shown("%") ? " (%: share of limit)" : ""), text_width, 0);
  out += "\n" + grid(columns, run, options);
  for (std::size_t i = 0; i < run.workloads.size(); ++i) {
    const TunedWorkload& tuned = run.workloads[i];
    std::vector<std::string> lines = certificate(tuned, run.limits, options.verbose);
    if (!shown("probes") && tuned.probes > 0) lines.push_back(effort_text(tuned));
    if (lines.empty()) continue;
    out += "\n" + painted(printable(labels.models[i]), bold, options) + "\n";
    for (const std::string& line : lines) out += wrap(printable(line), text_width, 2);
  }
  return out;
}

}  // namespace batchfit
