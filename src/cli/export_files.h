#pragma once

#include "base/error.h"
#include "cli/options.h"
#include "report/report_document.h"

namespace batchfit {

/// An export that cannot be written must be known before anything is measured: usage error that names it.
Result<void> check_writable(const ExportPaths& paths);

/// Writes every file that the user named, each whole or not at all. With `run`, the JSON holds its raw
/// records too. Exports to stdout ("-") and plots are made at the end only. The first error is returned; the
/// others are written all the same.
Result<void> write_exports(const ExportPaths& paths, const ReportDocument& document, const TuneRun* run,
                           bool at_end);

}  // namespace batchfit
