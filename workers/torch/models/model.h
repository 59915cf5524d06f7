#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "facts/model_input.h"
#include "kernels/epilogue.h"
#include "vision/poses.h"
#include "weights.h"

namespace batchfit {

/// How a model is built from its weights.
struct BuildOptions {
  at::ScalarType dtype = at::kFloat;
  bool channels_last = false;   ///< convolutions' weights in NHWC
  bool fold_batchnorm = false;  ///< BatchNorm folded into the convolution before it, in float32
  /// What those convolutions end in, in models that fuse; null: ATen's operations.
  std::shared_ptr<const Epilogue> epilogue;
};

/// A model with its weights on a device: plain tensors and a forward pass, for inference only.
class Model {
 public:
  virtual ~Model() = default;

  /// input [batch, item shape…] on the model's device and in its dtype → output [batch, …]. Throws
  /// c10::Error.
  virtual at::Tensor forward(const at::Tensor& input) const = 0;

  /// The pass on all inputs, in their order; a model of several overrides it.
  virtual at::Tensor forward_all(const std::vector<at::Tensor>& inputs) const {
    return forward(inputs.front());
  }

  /// Random inputs for a batch, of a model that makes its own (token ids and a cache); none: as ModelInfo
  /// says.
  virtual std::vector<at::Tensor> own_inputs(std::int64_t /*batch*/) const { return {}; }
  /// What a row of the output says, where it says poses (as build_yolo11_pose has them); nullopt of other
  /// models.
  virtual std::optional<vision::PoseRow> pose_row() const { return std::nullopt; }

  /// Called in a pass that makes tokens one after the other when the first is there, for who times it. On
  /// CUDA the token is there when the current stream has come so far.
  std::function<void()> at_first_token;

  /// What a reference of another implementation may hold, by name; the pass's output where it has no more.
  virtual std::vector<std::pair<std::string, at::Tensor>> named_outputs(const at::Tensor& input) const {
    return {{"output", forward(input)}};
  }
};

/// What is known of a model without building it.
struct ModelInfo {
  std::string name;   ///< as users write it
  std::string about;  ///< one line for people
  std::string code;   ///< version of the code that builds it: changes whenever a measurement may
  std::vector<std::string> dtypes{"fp32", "fp16", "bf16"};
  std::vector<std::string> modes{"forward"};
  std::vector<std::int64_t> item_shape;  ///< input of one item; of the first input, where there are several
  std::vector<ModelInput> inputs;        ///< all of them, where there are several or a file says so
  std::string weights;                   ///< digest, where the model has its own; empty: as asked for
  bool has_batchnorm = false;
  bool folds_batchnorm = false;     ///< where the request does not say
  bool fuses = false;               ///< folded convolutions end in an Epilogue, where there is one
  std::int64_t image_multiple = 0;  ///< images may be of any size that is a multiple of it; 0: of one size
  std::unique_ptr<Model> (*build)(Weights&, const BuildOptions&) = nullptr;
};

/// All models of this worker, by name.
const std::vector<ModelInfo>& models();

/// usage error with the nearest names where there is none of that name.
Result<const ModelInfo*> find_model(const std::string& name);

std::unique_ptr<Model> build_resnet50(Weights& weights, const BuildOptions& options);
std::unique_ptr<Model> build_vit_b_16(Weights& weights, const BuildOptions& options);

/// YOLO11 for pose of one of the scales n, s, m, l and x, as a file of weights describes it, else for one
/// class and 17 key points. Output [batch, 4 + classes + key points · values, anchors] as Ultralytics has it:
/// box centre and size in pixels, class scores, key points in pixels with their visibility.
template <char scale>
std::unique_ptr<Model> build_yolo11_pose(Weights& weights, const BuildOptions& options);

}  // namespace batchfit
