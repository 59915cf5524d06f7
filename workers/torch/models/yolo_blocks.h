#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "kernels/epilogue.h"
#include "models/layers.h"
#include "models/yolo_description.h"

namespace batchfit {

/// A part of a YOLO11 network with its weights.
class YoloBlock {
 public:
  virtual ~YoloBlock() = default;
  virtual at::Tensor forward(const at::Tensor& input, const Ending& ending) const = 0;
};
using YoloBlockPtr = std::unique_ptr<YoloBlock>;

/// Builds a module of any kind that takes one tensor. What a description lacks is kept as the weights' error,
/// and what comes back then is of no use but whole.
YoloBlockPtr build_yolo_block(const YoloModule& module, Builder& build);

/// The child of that name; keeps an error and gives an empty module where there is none.
const YoloModule& child_of(const YoloModule& module, std::string_view name, Builder& build);

/// The first number of a setting; keeps an error and gives 1 where there is none.
double setting_of(const YoloModule& module, const char* name, Builder& build);

}  // namespace batchfit
