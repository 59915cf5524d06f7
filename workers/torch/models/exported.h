#pragma once

#include <memory>
#include <optional>
#include <string>

#include "models/model.h"

namespace batchfit {

/// A model that came as a file. Its code is the file's: loading it runs that code.
struct ExportedModel {
  std::unique_ptr<Model> model;
  std::optional<at::ScalarType> dtype;  ///< of its first floating-point weight; absent where it tells none
};

// Both throw c10::Error (or what else their loaders throw) where the file is none of its kind or does not fit
// the device. Several outputs are one pass's all the same; the first tensor is what `forward_all` gives.

/// A TorchScript file, its weights converted to `dtype` where that is given.
ExportedModel load_torchscript(const std::string& path, at::Device device,
                               std::optional<at::ScalarType> dtype);

/// An AOTInductor package, which is compiled for one kind of device and one dtype.
/// `check_inputs`: a pass throws where an input is not as it was compiled for; else such a pass reads what is
/// not its own. A package with a dynamic batch is compiled for 2 and more, though it runs at 1 as well.
ExportedModel load_aoti_package(const std::string& path, at::Device device, bool check_inputs);

}  // namespace batchfit
