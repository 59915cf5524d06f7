#pragma once

#include <string>
#include <vector>

#include "report/run_report.h"

namespace batchfit {

/// How the workloads of a run are named: what all share is said once, what varies stands with the model.
struct Labels {
  std::string shared;  ///< "NVIDIA H200 (139 GiB), libtorch 2.11.0, fp16, graph timing"; may be empty
  std::vector<std::string> models;  ///< one a workload: "resnet50", "resnet50 fp16 channels-last"
};

/// Names come from people and files: they are not yet made safe for a terminal or a markup.
Labels label(const RunReport& run);

/// How the workload ended: a Status's name, in the words of people ("nothing fits").
std::string status_text(const WorkloadReport& workload);

/// What keeps the batch from being larger, in a word or two, or how the workload ended where there is no
/// batch. A longer reason is left to the certificate.
std::string limiter_text(const WorkloadReport& workload);

}  // namespace batchfit
