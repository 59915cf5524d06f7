#pragma once

#include <memory>
#include <optional>
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
  ModelInfo info;
  std::unique_ptr<Model> model;
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
  std::optional<PromptSet> prompts;      ///< of a language model, from a file
  std::vector<std::string> extra_notes;  ///< lines for people on this model alone

  /// Random inputs for a batch on the device, in the model's memory format and, but where an input has its
  /// own, its dtype. Whole numbers are 0 and 1, which index any table of two rows or more.
  std::vector<at::Tensor> inputs(Batch batch) const;

  at::Tensor run(const std::vector<at::Tensor>& inputs) const { return model->forward_all(inputs); }

  /// The workload as the worker states it.
  Workload workload(Timing timing) const;

  /// Lines for people that hold whatever is measured.
  std::vector<std::string> notes() const;
};

/// Checks all of a request that can be checked without a device: the model, and whether it has what is asked
/// for.
Answer<ModelInfo> check_request(const LoadRequest& request);

/// Fills the model's weights on the device, or loads its file there. Throws c10::Error where the device is
/// out of memory.
Answer<LoadedModel> build_model(const LoadRequest& request, at::Device device);

/// Whether the output for batch 1 is finite; a `runtime` refusal where it is not. Throws what the pass
/// throws.
Answer<void> check_output(const LoadedModel& loaded);

/// "fp16" → Half; the name must be one of fp32, fp16, bf16, int64, int32 and bool.
at::ScalarType scalar_type(const std::string& dtype);

/// Half → "fp16"; torch's own name where batchfit has none.
std::string dtype_name(at::ScalarType dtype);

}  // namespace batchfit
