#pragma once

#include <string>

#include "facts/json.h"
#include "report/run_report.h"

namespace batchfit {

inline constexpr const char* results_format = "batchfit-results";
inline constexpr std::int64_t results_version = 1;

/// The report as docs/results.md defines it (format "batchfit-results", version 1), without raw records:
/// everything that the other exports are made from. Seconds and bytes; what is not known is left out.
Json results_json(const RunReport& run);

/// The same as text for a file: readable, one batch a line; ends with \n.
std::string export_json(const RunReport& run);

/// … with the raw records of the run that the report is of, one a line.
std::string export_json(const TuneRun& run, const RunReport& report);

}  // namespace batchfit
