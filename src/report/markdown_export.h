#pragma once

#include <string>
#include <string_view>

#include "report/run_report.h"

namespace batchfit {

/// The run as a Markdown document (tables of GitHub's dialect): the answers, then for each workload its
/// certificate and every batch. The numbers are the JSON's, written with units.
std::string export_markdown(const RunReport& run);

/// The text on one line with nothing in it that Markdown or HTML would take for markup.
std::string markdown_text(std::string_view text);

}  // namespace batchfit
