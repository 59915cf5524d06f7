#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "base/error.h"
#include "report/run_report.h"

namespace batchfit {

/// Reads a result file (docs/results.md, format "batchfit-results", version 1) back into what reports are
/// made from: every figure is the file's. Raw records are passed over, so a file of hundreds of megabytes
/// takes no more memory than its figures. usage error where the file is not there; corrupt error, with what
/// is wrong and a remedy, where it is no result file, of another version, or damaged.
Result<RunReport> read_results(const std::filesystem::path& path);

/// The same for text in memory. `consumed` is told how far it was read, after each workload.
Result<RunReport> parse_results(std::string_view text, const std::string& name,
                                const std::function<void(std::size_t)>& consumed = {});

}  // namespace batchfit
