#pragma once

#include <string>
#include <string_view>

#include "report/report_document.h"

namespace batchfit {

/// The report as one HTML file that needs nothing else: no network, no other file. Summary, sortable tables,
/// interactive charts, the certificate of each answer, environment, and how to reproduce it; light and dark.
/// Every figure of a batch is in it as the JSON has it. Names, paths and messages are text, whatever they
/// hold.
std::string export_html(const ReportDocument& document);

/// The text with nothing in it that HTML would take for markup, in content and in quoted attributes.
std::string html_text(std::string_view text);

}  // namespace batchfit
