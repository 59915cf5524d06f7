#pragma once

#include <string>

#include "report/run_report.h"

namespace batchfit {

struct TableOptions {
  int width = 80;       ///< columns of the terminal; the least important columns are left out below 100
  bool colour = false;  ///< ANSI colours
};

/// The answers of a run as people read them on a terminal: a line for what all workloads share, the limits, a
/// table with a row a workload, and below it the certificate of each. Ends with \n. Nothing in it, a model's
/// name included, can control the terminal.
std::string render_table(const RunReport& run, const TableOptions& options = {});

}  // namespace batchfit
