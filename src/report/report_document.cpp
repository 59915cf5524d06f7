#include "report/report_document.h"

#include <algorithm>

#include "report/csv_export.h"
#include "report/display.h"
#include "report/json_export.h"
#include "report/markdown_export.h"
#include "report/table.h"

namespace batchfit {
namespace {

constexpr const char* report_format = "batchfit-report";
constexpr int report_version = 1;

bool none_matched(const ReportDocument& document) {
  return !document.against.empty() && document.changes.empty();
}

std::string against_heading(const ReportDocument& document) {
  return "since " + document.against + (none_matched(document) ? ": no workload of it is in this run" : "");
}

std::string_view name_of(Change::Kind kind) {
  return kind == Change::Kind::same ? "same" : kind == Change::Kind::better ? "better" : "worse";
}

Json change_json(const Change& change) {
  Json json = {{"workload", change.workload}, {"figure", change.figure}, {"kind", name_of(change.kind)}};
  if (change.was) json["was"] = *change.was;
  if (change.now) json["now"] = *change.now;
  if (const auto share = change.share()) json["change"] = *share;
  return json;
}

}  // namespace

std::string render_report(const ReportDocument& document, int width, bool colour) {
  const auto columns = static_cast<std::size_t>(std::max(width, 1));
  std::string out;
  if (document.runs.size() == 1) {
    const RunReport& run = document.runs.front().run;
    out = render_table(run, {width, colour});
    if (!run.workloads.empty()) out += "\nbatch 1 -> answer\n" + text_grid(before_and_after(run), columns);
    // For one workload there is room for what each objective would choose.
    if (run.workloads.size() == 1 && !run.workloads.front().answer.choices.empty()) {
      const WorkloadReport& workload = run.workloads.front();
      out += "\n" + text_grid(choices_table(workload), columns);
      out += wrap("Pareto front: " + front_text(workload.answer), columns, 0);
    }
  } else {
    out = text_grid(across_devices(document.runs), columns);
  }
  if (document.against.empty()) return out;
  out += "\n" + wrap(printable(against_heading(document)), columns, 0);
  return none_matched(document) ? out : out + text_grid(changes_table(document.changes), columns);
}

std::string export_markdown(const ReportDocument& document) {
  std::string out;
  if (document.runs.size() > 1)
    out += "# Across devices\n\n" + markdown_grid(across_devices(document.runs)) + "\n";
  if (!document.against.empty()) {
    out += "# Changes " + markdown_text(against_heading(document)) + "\n\n";
    if (!none_matched(document)) out += markdown_grid(changes_table(document.changes)) + "\n";
  }
  for (const auto& [name, run] : document.runs) {
    if (document.runs.size() > 1) out += "From " + markdown_text(name) + ":\n\n";
    out += export_markdown(run);
    if (!run.workloads.empty())
      out += "\n## Batch 1 against the answer\n\n" + markdown_grid(before_and_after(run));
    out += &run == &document.runs.back().run ? "" : "\n";
  }
  return out;
}

std::string export_csv(const ReportDocument& document) {
  std::string out = csv_heading();
  for (const NamedRun& named : document.runs) add_csv_rows(out, named.run);
  return out;
}

std::string export_json(const ReportDocument& document) {
  if (document.runs.size() == 1 && document.against.empty()) return export_json(document.runs.front().run);
  Json json = {{"format", report_format}, {"version", report_version}, {"runs", Json::array()}};
  for (const auto& [name, run] : document.runs)
    json["runs"].push_back({{"name", name}, {"results", results_json(run)}});
  if (!document.against.empty()) {
    json["against"] = document.against;
    json["changes"] = Json::array();
    for (const Change& change : document.changes) json["changes"].push_back(change_json(change));
  }
  return dump_json(json) + "\n";
}

}  // namespace batchfit
