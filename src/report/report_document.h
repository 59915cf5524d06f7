#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/comparison.h"

namespace batchfit {

/// What `batchfit report` shows: runs from files, and what changed since an earlier one.
struct ReportDocument {
  std::vector<NamedRun> runs;   ///< at least one
  std::string against;          ///< name of the earlier run; empty: there is none
  std::vector<Change> changes;  ///< of the first run, since the earlier one
};

/// For a terminal: one run as `tune` shows it and batch 1 against the answer; several side by side. What
/// changed comes last.
std::string render_report(const ReportDocument& document, int width, bool colour);

/// The same as Markdown, each run with all its batches.
std::string export_markdown(const ReportDocument& document);

/// The rows of every run below one heading (docs/results.md, CSV).
std::string export_csv(const ReportDocument& document);

/// One run without an earlier one is a result file again, without its raw records; else an object of format
/// "batchfit-report", version 1 (docs/results.md, Reports).
std::string export_json(const ReportDocument& document);

}  // namespace batchfit
