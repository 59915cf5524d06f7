#include "report/html_export.h"

#include <fmt/core.h>

#include <array>
#include <charconv>

#include "facts/json.h"
#include "html_assets.h"
#include "report/display.h"
#include "report/labels.h"
#include "report/objective_lines.h"
#include "report/wording.h"

namespace batchfit {
namespace {

// Nothing may be fetched, whatever a name or a message contains.
constexpr const char* head = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>batchfit report</title>
<style>
)";

std::string element(const char* name, std::string_view text) {
  return std::string("<") + name + ">" + html_text(text) + "</" + name + ">\n";
}

std::string table(const std::vector<Column>& columns, const std::string& caption) {
  std::string out = "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"" + html_text(caption) +
                    "\"><table>\n<thead><tr>";
  for (const Column& column : columns) {
    out += std::string("<th scope=\"col\"") + (column.right ? " class=\"n\">" : ">") +
           html_text(column.heading) + "</th>";
  }
  out += "</tr></thead>\n<tbody>\n";
  for (std::size_t row = 0; !columns.empty() && row < columns.front().cells.size(); ++row) {
    out += "<tr>";
    for (const Column& column : columns) {
      const std::string& cell = column.cells[row];
      const char* kind = cell == "WORSE" ? " class=\"worse\"" : cell == "better" ? " class=\"better\"" : "";
      out += std::string("<td") + (column.right ? " class=\"n\"" : kind) + ">" + html_text(cell) + "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

/// Numbers as the JSON has them: the shortest digits that give the same number back.
template <class T>
void put_number(std::string& out, T value) {
  std::array<char, 32> digits{};
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

template <class T>
void put_number(std::string& out, const std::optional<T>& value) {
  if (value) put_number(out, *value);
  if (!value) out += "null";
}

/// JSON in a script element ends where "</" stands, and a comment begins at "<!--": neither may come from a
/// name.
std::string json_string(std::string_view text) {
  std::string out;
  for (const char c : dump_json(Json(printable(text)))) {
    if (c == '<') out += "\\u003c";
    if (c != '<') out += c;
  }
  return out;
}

/// "name":[one value a batch] for the page's script.
template <class Put>
void put_list(std::string& out, const char* name, const std::vector<BatchFigures>& batches, Put put) {
  out += std::string(",\"") + name + "\":[";
  for (const BatchFigures& figures : batches) {
    if (&figures != &batches.front()) out += ',';
    put(figures);
  }
  out += ']';
}

template <class T>
void put_figures(std::string& out, const char* name, const std::vector<BatchFigures>& batches,
                 T BatchFigures::*figure) {
  put_list(out, name, batches, [&](const BatchFigures& figures) { put_number(out, figures.*figure); });
}

/// Device memory in use less own memory, where the limit is on the device's.
Bytes others_within_limit(const WorkloadReport& workload) {
  if (!workload.answer.best || !workload.figures.memory) return 0;
  for (const BatchFigures& figures : workload.batches) {
    if (figures.batch == workload.answer.best->batch && figures.own_memory)
      return *workload.figures.memory - *figures.own_memory;
  }
  return 0;
}

void put_data(std::string& out, const WorkloadReport& workload) {
  const auto& best = workload.answer.best;
  const auto limit = [](const std::optional<LimitRuling>& ruling) {
    return ruling ? std::optional(ruling->limit) : std::nullopt;
  };
  out += "{\"answer\":";
  put_number(out, workload.figures.batch);
  out += ",\"graph\":";
  out += workload.subject && workload.subject->workload.timing == Timing::graph ? "true" : "false";
  out += ",\"latency_limit_s\":";
  put_number(out, best ? limit(best->latency) : std::nullopt);
  out += ",\"memory_limit_bytes\":";
  put_number(out, best ? limit(best->memory) : std::nullopt);
  out += ",\"others_bytes\":";
  put_number(out, others_within_limit(workload));
  const auto& batches = workload.batches;
  put_figures(out, "batch", batches, &BatchFigures::batch);
  put_figures(out, "samples", batches, &BatchFigures::samples);
  put_figures(out, "latency_s", batches, &BatchFigures::latency);
  put_figures(out, "latency_min_s", batches, &BatchFigures::latency_min);
  put_figures(out, "latency_max_s", batches, &BatchFigures::latency_max);
  put_figures(out, "eager_latency_s", batches, &BatchFigures::eager_latency);
  if (workload.figures.tokens) {
    put_figures(out, "first_token_s", batches, &BatchFigures::first_token);
    put_figures(out, "tokens_per_s", batches, &BatchFigures::tokens);
  }
  put_figures(out, "energy_per_item_j", batches, &BatchFigures::energy_per_item);
  put_figures(out, "own_memory_bytes", batches, &BatchFigures::own_memory);
  put_list(out, "outcome", batches, [&](const BatchFigures& figures) {
    out += figures.outcome ? "\"" + std::string(name_of(*figures.outcome)) + "\"" : "\"fault\"";
  });
  put_list(out, "reason", batches, [&](const BatchFigures& figures) { out += json_string(figures.reason); });
  out += ",\"forecasts\":[";
  for (const Forecast& one : workload.forecasts) {
    out += &one == &workload.forecasts.front() ? "[" : ",[";
    put_number(out, one.batch);
    for (const Bytes bytes : {one.own, one.low, one.high}) {
      out += ',';
      put_number(out, bytes);
    }
    out += ']';
  }
  out += "]}";
}

/// A cell with the exact value beside what people read.
template <class T, class Form>
std::string cell(const std::optional<T>& value, Form form) {
  if (!value) return std::string("<td class=\"n\">") + unknown_text + "</td>";
  std::string out = "<td class=\"n\" data-v=\"";
  put_number(out, *value);
  return out + "\">" + html_text(form(*value)) + "</td>";
}

std::string lower(std::string_view text) {
  std::string out = printable(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

void put_summary(std::string& out, const RunReport& run, const Labels& labels, const std::string& prefix) {
  out +=
      "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"answers\"><table>\n<thead><tr><th "
      "scope=\"col\">model</th>";
  const bool tokens = tells_tokens(run);
  std::vector<const char*> headings{"batch", "latency", "of its limit", "memory", "of its limit", "items/s"};
  if (tokens) headings.insert(headings.end(), {"tokens/s", "$/M tokens"});
  headings.push_back("speed-up");
  for (const char* heading : headings)
    out += std::string("<th scope=\"col\" class=\"n\">") + heading + "</th>";
  out += "<th scope=\"col\">limited by</th></tr></thead>\n<tbody>\n";
  for (std::size_t i = 0; i < run.workloads.size(); ++i) {
    const WorkloadReport& workload = run.workloads[i];
    const AnswerFigures& figures = workload.figures;
    out += "<tr data-name=\"" + html_text(lower(labels.models[i])) + "\"><td><a href=\"#" + prefix +
           std::to_string(i) + "\">" + html_text(labels.models[i]) + "</a></td>" +
           cell(figures.batch, count_text) + cell(figures.latency, format_seconds) +
           cell(figures.latency_share, share_text) + cell(figures.memory, format_bytes) +
           cell(figures.memory_share, share_text) + cell(figures.throughput, throughput_text) +
           (tokens ? cell(figures.tokens, throughput_text) + cell(figures.usd_per_million_tokens, usd_text)
                   : "") +
           cell(figures.speed_up, ratio_text) + "<td>" + html_text(limiter_text(workload)) + "</td></tr>\n";
  }
  out += "</tbody></table></div>\n";
}

void put_costs(std::string& out, const WorkloadReport& workload, std::int64_t items) {
  if (workload.processing.empty()) return;
  out += element("h3", "What " + count_text(items) + " items take");
  out +=
      "<table><thead><tr><th scope=\"col\">at</th><th scope=\"col\" class=\"n\">batch</th><th scope=\"col\" "
      "class=\"n\">time</th>"
      "<th scope=\"col\" class=\"n\">dollars</th><th scope=\"col\" "
      "class=\"n\">energy</th></tr></thead>\n<tbody>\n";
  for (const Processing& one : workload.processing) {
    out += "<tr><td>" + html_text(one.at) + "</td>" + cell(std::optional(one.batch), count_text) +
           cell(std::optional(one.seconds), long_time_text) + cell(one.usd, usd_text) +
           cell(one.kwh, kwh_text) + "</tr>\n";
  }
  out += "</tbody></table>\n";
  if (workload.price) {
    out +=
        element("p", usd_text(workload.price->usd_per_hour) + " an hour" +
                         (workload.price->is_default ? ", by default the " : ": ") + workload.price->source);
  }
}

void put_environment(std::string& out, const WorkloadReport& workload) {
  if (!workload.subject) return;
  const auto& [device, runtime, of] = *workload.subject;
  std::string lines = "device: " + device_text(device);
  if (device.driver) lines += ", driver " + *device.driver;
  lines += "\nruntime: " + runtime.name + " " + runtime.version;
  for (const auto& [name, value] : runtime.details) lines += fmt::format("\n  {}: {}", name, value);
  lines += "\nweights: " + of.weights + "\ntiming: " + std::string(name_of(of.timing));
  if (workload.environment.others)
    lines += "\nmemory held by others: " + format_bytes(*workload.environment.others);
  out += element("h3", "Environment") + "<pre>";
  std::size_t from = 0;
  for (std::size_t end; from < lines.size(); from = end + 1) {  // line by line: printable() keeps none
    end = std::min(lines.find('\n', from), lines.size());
    out += html_text(std::string_view(lines).substr(from, end - from)) + "\n";
  }
  out += "</pre>\n";
}

void put_workload(std::string& out, const RunReport& run, const WorkloadReport& workload,
                  const std::string& label, const std::string& id) {
  out += "<details class=\"workload\" id=\"" + id + "\" data-name=\"" + html_text(lower(label)) +
         "\">\n<summary>";
  if (workload.simulated()) out += "<span class=\"sim\">SIMULATED</span> ";
  out += html_text(label) + (workload.figures.batch ? ": batch " + count_text(*workload.figures.batch)
                                                    : ": " + html_text(status_text(workload)));
  out += "</summary>\n" + element("h3", "Certificate") + "<ul>\n";
  for (const std::string& line : workload.certificate) out += element("li", line);
  out += "</ul>\n<div class=\"charts\"></div>\n";
  if (!workload.answer.choices.empty()) {
    out += element("h3", "What each objective chooses") + table(choices_table(workload), "objectives");
    out += element("p", "Pareto front: " + front_text(workload.answer));
  }
  put_costs(out, workload, run.items);
  out += element("h3", "Every batch") +
         "<div class=\"batches wide\" tabindex=\"0\" role=\"region\" aria-label=\"every batch\"></div>\n";
  put_environment(out, workload);
  out += "<script type=\"application/json\">";
  put_data(out, workload);
  out += "</script>\n</details>\n";
}

void put_run(std::string& out, const NamedRun& named, const std::string& prefix) {
  const RunReport& run = named.run;
  const Labels labels = label(run);
  out += element("h2", named.name.empty() ? "Answers" : "Answers of " + named.name);
  if (!labels.shared.empty()) out += element("p", labels.shared);
  out += element("p", "limits: " + limits_text(run.limits) + objective_text(run.objective) +
                          "; strategy: " + run.strategy);
  put_summary(out, run, labels, prefix);
  if (!run.workloads.empty()) {
    out += element("h2", "Batch 1 against the answer");
    out += table(before_and_after(run), "batch 1 against the answer");
  }
  out += element("h2", "Workloads");
  const std::size_t before = out.size();
  for (std::size_t i = 0; i < run.workloads.size(); ++i) {
    put_workload(out, run, run.workloads[i], labels.models[i], prefix + std::to_string(i));
    // Workloads of one run are much alike; a buffer that doubles would take twice the memory.
    if (i == 0)
      out.reserve(before + (out.size() - before) * (run.workloads.size() + 1) / 20 * 21 +
                  html::chart_library.size());
  }
  out += element("h2", "How to reproduce") + "<pre>";
  for (const std::string& word : run.command) out += html_text(word) + " ";
  out += "</pre>\n" + element("p", "batchfit " + run.version);
}

}  // namespace

std::string html_text(std::string_view text) {
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
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string export_html(const ReportDocument& document) {
  std::string out = head;
  out += html::style;
  out +=
      "</style>\n</head>\n<body>\n<header><h1>batchfit report</h1>"
      "<button id=\"theme\" type=\"button\">light or dark</button></header>\n<main>\n"
      "<p><label>Show models whose name contains <input id=\"filter\" type=\"search\"></label></p>\n"
      "<noscript><p>Without JavaScript there are no charts and no tables of every batch; the rest is "
      "here.</p></noscript>\n";
  if (!document.against.empty()) {
    out += element("h2", "Changes since " + document.against);
    out += document.changes.empty() ? element("p", "no workload of it is in this run")
                                    : table(changes_table(document.changes), "changes");
  }
  if (document.runs.size() > 1)
    out += element("h2", "Across devices") + table(across_devices(document.runs), "across devices");
  for (std::size_t i = 0; i < document.runs.size(); ++i)
    put_run(out, document.runs[i], "w" + std::to_string(i) + "-");
  out += "</main>\n<script>\n";
  out += html::chart_library;
  out += "\n</script>\n<script>\n";
  out += html::script;
  out += "</script>\n</body>\n</html>\n";
  return out;
}

}  // namespace batchfit
