#pragma once

#include <string>
#include <vector>

#include "facts/model_input.h"
#include "loaded_model.h"

namespace batchfit {

/// Whether a model's name is that of a file which this worker can run: TorchScript (.ts, .pt) or AOTInductor
/// (.pt2).
bool is_model_file(const std::string& model);

/// What can be checked without a device: that the file is there, has the options asked for, and that its
/// inputs are known, from the request or else from FILE.json ({"inputs": [{"shape": [3, 224, 224]}]}).
Answer<ModelInfo> check_model_file(const LoadRequest& request);

/// Loads it, which runs the file's code. A file that was exported for one batch is a `usage` refusal that
/// says which.
Answer<LoadedModel> load_model_file(const LoadRequest& request, const ModelInfo& info, at::Device device);

}  // namespace batchfit
