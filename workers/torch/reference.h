#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "weights.h"

namespace batchfit {

/// One model's outputs as another implementation computed them.
struct Reference {
  std::string model;
  at::Tensor input;   ///< float32, on the CPU
  at::Tensor output;  ///< float32, on the CPU
  std::unique_ptr<Weights> (*weights)(at::Device device) =
      nullptr;  ///< the weights that the outputs belong to
};

/// How far a model's output is from its reference.
struct Deviation {
  double largest_error = 0;      ///< |output − reference| at its largest
  double spread = 0;             ///< standard deviation of the reference
  std::int64_t rows = 0;         ///< items compared
  std::int64_t same_argmax = 0;  ///< of them, those whose largest output is the same

  double ratio() const { return largest_error / spread; }
};

/// All references of a file. The layouts known: that of tests/data/torchvision-logits.json. corrupt error for
/// another layout or damaged content.
Result<std::vector<Reference>> read_references(const std::filesystem::path& path);

/// Runs the reference's model in float32 on the device. Throws c10::Error where the device cannot.
Result<Deviation> deviation_of(const Reference& reference, at::Device device);

/// The comparison itself; outputs of other shapes are a runtime error.
Result<Deviation> compare_outputs(const at::Tensor& output, const at::Tensor& reference);

}  // namespace batchfit
