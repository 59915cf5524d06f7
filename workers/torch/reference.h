#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "weights.h"

namespace batchfit {

/// One of a model's outputs, or of some of its values.
struct ExpectedOutput {
  std::string name;                 ///< as Model::named_outputs has it
  at::Tensor values;                ///< float32, on the CPU; [items, values of each], of a sample [1, values]
  std::vector<std::int64_t> shape;  ///< of the whole output
  at::Tensor index;                 ///< of a sample: where in the flat output its values are; else undefined
};

/// A model's outputs by their names.
using NamedOutputs = std::vector<std::pair<std::string, at::Tensor>>;

/// One model's outputs as another implementation computed them.
struct Reference {
  std::string model;
  std::string label;                  ///< for people: the model, and which of its references
  at::ScalarType dtype = at::kFloat;  ///< that the model is to be run in
  std::vector<ExpectedOutput> outputs;
  /// Runs the model on the reference's input, its BatchNorm folded if asked. Throws c10::Error where the
  /// device cannot.
  std::function<Result<NamedOutputs>(at::Device device, bool fold_batchnorm)> run;
};

/// How far a model's output is from its reference.
struct Deviation {
  double largest_error = 0;      ///< |output − reference| at its largest
  double spread = 0;             ///< standard deviation of the reference
  std::int64_t rows = 0;         ///< items compared
  std::int64_t same_argmax = 0;  ///< of them, those whose largest output is the same

  double ratio() const { return largest_error / spread; }
};

/// All references of a file. The layouts known: those of tests/data/torchvision-logits.json and of
/// tests/data/yolo11n-pose/yolo11n-pose-reference.json, and the reference.json in the folder of a language
/// model, which may be named itself. `weights`: a file to take them from instead of those that the reference
/// names; empty: none. corrupt error for another layout or damaged content.
Result<std::vector<Reference>> read_references(const std::filesystem::path& path,
                                               const std::filesystem::path& weights = {});

struct OutputDeviation {
  std::string name;
  Deviation deviation;
};

/// Runs the reference's model on the device and compares. Throws c10::Error where the device cannot.
Result<std::vector<OutputDeviation>> deviations_of(const Reference& reference, at::Device device,
                                                   bool fold_batchnorm = false);

/// The comparison itself; outputs of other shapes are a runtime error.
Result<Deviation> compare_outputs(const at::Tensor& output, const at::Tensor& reference);

}  // namespace batchfit
