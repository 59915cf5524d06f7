#pragma once

#include <span>
#include <string>

#include "report/comparison.h"

namespace batchfit {

/// A gnuplot script (5.4 or newer) that draws every plot of the runs as SVG and PNG into its working folder:
/// for each workload batch against device memory (measured, forecast with its interval, the limit), against
/// throughput, and against latency with its spread (graph and eager); for workloads that differ in one named
/// size alone, throughput over batch and size. The data stand in the script, so it can be kept and restyled.
/// Empty where nothing was measured.
std::string plot_script(std::span<const NamedRun> runs);

}  // namespace batchfit
