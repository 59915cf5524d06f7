#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace batchfit {

/// Compiles CUDA C++ to the machine code of one architecture ("sm_90") by NVRTC, CUDA's compiler as a
/// library. It is opened at run time where the loader finds it, else beside torch, which brings it; no GPU is
/// needed. Each option is one of NVRTC's. unavailable error where it is not there, runtime with its log where
/// it cannot compile that.
Result<std::string> compile_cuda(const char* source, const std::string& architecture,
                                 std::vector<std::string> options);

}  // namespace batchfit
