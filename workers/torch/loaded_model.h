#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/reply.h"
#include "facts/workload.h"
#include "models/model.h"
#include "requests.h"

namespace batchfit {

/// A model with its weights on a device, as a load request asked for it.
struct LoadedModel {
  LoadRequest request;
  const ModelInfo* info = nullptr;
  std::unique_ptr<Model> model;
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;

  /// Random input for a batch on the device, in the model's dtype and memory format.
  at::Tensor input(Batch batch) const;

  /// The workload as the worker states it.
  Workload workload(Timing timing) const;

  /// Lines for people that hold whatever is measured.
  std::vector<std::string> notes() const;
};

/// Checks all of a request that can be checked without a device: the model, and whether it has what is asked
/// for.
Answer<const ModelInfo*> check_request(const LoadRequest& request);

/// Fills the model's weights on the device. Throws c10::Error where the device is out of memory.
Answer<LoadedModel> build_model(const LoadRequest& request, at::Device device);

/// Whether the output for batch 1 is finite; a `runtime` refusal where it is not. Throws what the pass
/// throws.
Answer<void> check_output(const LoadedModel& loaded);

/// "fp16" → Half; the name must be one of fp32, fp16 and bf16.
at::ScalarType scalar_type(const std::string& dtype);

}  // namespace batchfit
