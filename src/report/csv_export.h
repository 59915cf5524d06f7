#pragma once

#include <string>
#include <string_view>

#include "report/run_report.h"

namespace batchfit {

/// The run as CSV (RFC 4180, but lines end with \n): a row a workload and batch, one with empty figures for a
/// workload that has none. The columns stand in docs/results.md. What is not known is an empty cell. Numbers
/// are the JSON's.
std::string export_csv(const RunReport& run);

/// Its first line, and the lines below it: for a file about several runs.
std::string csv_heading();
void add_csv_rows(std::string& out, const RunReport& run);

/// One cell of text: quoted where RFC 4180 asks for it, and printable(), so that a row stays on its line.
/// Text that a spreadsheet would take for a formula (a leading = + - @) gets a ' before it.
std::string csv_text(std::string_view text);

}  // namespace batchfit
