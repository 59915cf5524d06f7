#pragma once

#include <c10/core/InferenceMode.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <gtest/gtest.h>

#include <optional>

namespace batchfit {

inline const at::Device gpu(at::kCUDA, 0);

/// Tests on the first GPU, on a stream that can be captured; skipped where there is none.
class OnGpu : public testing::Test {
 protected:
  void SetUp() override {
    if (c10::cuda::device_count() == 0) GTEST_SKIP() << "needs an NVIDIA GPU";
    on_stream_.emplace(c10::cuda::getStreamFromPool());
  }

 private:
  c10::InferenceMode no_gradients_;
  std::optional<c10::cuda::CUDAStreamGuard> on_stream_;
};

}  // namespace batchfit
