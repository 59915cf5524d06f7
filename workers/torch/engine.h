#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/reply.h"
#include "facts/observation.h"
#include "facts/probe.h"
#include "facts/trace.h"
#include "facts/workload.h"
#include "requests.h"
#include "video/pose_pass.h"
#include "vision/poses.h"

namespace batchfit {

/// What a probe gave.
struct Measured {
  Observation observation;
  std::optional<AllocationTrace> trace;  ///< where one was asked for and could be taken
  bool replace_worker = false;           ///< what happened leaves this worker unfit
};

/// A model loaded on a device, ready to be measured. Out-of-memory and passes that raise are outcomes of a
/// probe, never exceptions.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual Subject subject() const = 0;
  virtual std::vector<std::string> notes() const = 0;
  virtual std::vector<std::string> capabilities() const = 0;
  virtual Environment environment() = 0;
  virtual Measured probe(const ProbeRequest& request) = 0;
  virtual Answer<Comparison> compare(const CompareRequest& request) = 0;

  /// What a row of the model's output says; nullopt where it finds no poses.
  virtual std::optional<vision::PoseRow> pose_row() const = 0;
  /// Of a model that finds poses: its passes over pictures, in batches of up to so many, and of their rows
  /// those above the confidence. One at a time.
  virtual Answer<std::unique_ptr<video::PosePass>> pose_pass(Batch batch, float confidence) = 0;
};

// The devices, and a model on one of them. `load` refuses what the device or the model does not have.
Result<Device> cpu_device();
Answer<std::unique_ptr<Engine>> load_on_cpu(const LoadRequest& request);

/// CUDA's devices in CUDA's order; unavailable error where there is none, or where this build has no CUDA.
Result<std::vector<Device>> cuda_devices();
Answer<std::unique_ptr<Engine>> load_on_cuda(const LoadRequest& request, int index);

}  // namespace batchfit
