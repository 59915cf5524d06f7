#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/columns.h"
#include "report/run_report.h"

namespace batchfit {

/// A figure of one workload in an earlier run and in this one.
struct Change {
  enum class Kind { same, better, worse };  ///< same: within the noise of the two
  std::string workload;                     ///< as label() names it
  std::string figure;         ///< "batch", "items/s", "latency at batch 8", "memory at batch 8", "answer"
  std::optional<double> was;  ///< seconds, bytes, items a second; absent where there was none
  std::optional<double> now;
  Kind kind = Kind::same;

  /// now / was - 1; absent where one of them is.
  std::optional<double> share() const;
};

/// What changed from the earlier run, for each workload that both have: the answer's batch and throughput,
/// and latency and memory at batch 1 and at the earlier answer where this run measured it too.
///
/// Two runs are matched by model, workload and device name; versions and drivers may differ, for that is what
/// is compared. A latency or a throughput changed where it moved by more than twice what two probes of one
/// search repeat to (latency_noise; 1 % under graph timing, 10 % under eager timing, more where samples
/// scatter), memory where it moved by more than 1 %. A smaller batch alone is no change for the worse: the
/// answer's throughput is.
std::vector<Change> changes(const RunReport& earlier, const RunReport& now);

bool any_worse(const std::vector<Change>& changes);

/// A run and the file that it came from.
struct NamedRun {
  std::string name;
  RunReport run;
};

/// Batch 1 against the answer, a row a workload.
std::vector<Column> before_and_after(const RunReport& run);

/// What each objective chooses, a row an objective: the batch, its figures, and near-ties. Without rows where
/// there is no answer.
std::vector<Column> choices_table(const WorkloadReport& workload);

/// "1, 2, 4, 8 and 11; it bends at batch 8": the Pareto front, of which no batch is beaten in latency,
/// throughput and memory by another. Empty where there is no answer.
std::string front_text(const Answer& answer);

/// A row a workload and device, the workloads of all runs side by side, each's fastest device first.
std::vector<Column> across_devices(const std::vector<NamedRun>& runs);

std::vector<Column> changes_table(const std::vector<Change>& changes);

}  // namespace batchfit
