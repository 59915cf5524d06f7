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
};

// The devices, and a model on one of them. `load` refuses what the device or the model does not have.
Result<Device> cpu_device();
Answer<std::unique_ptr<Engine>> load_on_cpu(const LoadRequest& request);

/// CUDA's devices in CUDA's order; unavailable error where there is none, or where this build has no CUDA.
Result<std::vector<Device>> cuda_devices();
Answer<std::unique_ptr<Engine>> load_on_cuda(const LoadRequest& request, int index);

}  // namespace batchfit
