#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"

namespace batchfit {

/// The file of a model's weights in `folder`: MODEL.pth, MODEL.pt or MODEL.safetensors, else one that
/// torchvision's download names, MODEL-0123abcd.pth, or the folder MODEL as Hugging Face lays it out.
/// "random" where there is none; usage error where there are several, naming them.
Result<std::string> find_weights(const std::filesystem::path& folder, const std::string& model);

}  // namespace batchfit
