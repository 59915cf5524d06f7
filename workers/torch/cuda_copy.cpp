#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <cstring>
#include <memory>
#include <vector>

#include "tensor_reader.h"

namespace batchfit {
namespace {

/// Pinned memory of one thread, and the event that tells when what was in it has arrived.
class Lane {
 public:
  explicit Lane(std::int64_t size) {
    C10_CUDA_CHECK(cudaMallocHost(&pinned_, static_cast<std::size_t>(size)));
    C10_CUDA_CHECK(cudaEventCreateWithFlags(&arrived_, cudaEventDisableTiming));
  }
  ~Lane() {
    cudaEventDestroy(arrived_);
    cudaFreeHost(pinned_);
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  void copy(const std::byte* from, std::int64_t size, std::byte* to, cudaStream_t stream) const {
    const auto bytes = static_cast<std::size_t>(size);
    std::memcpy(pinned_, from, bytes);
    C10_CUDA_CHECK(cudaMemcpyAsync(to, pinned_, bytes, cudaMemcpyHostToDevice, stream));
    C10_CUDA_CHECK(cudaEventRecord(arrived_, stream));
    C10_CUDA_CHECK(cudaEventSynchronize(arrived_));
  }

 private:
  void* pinned_ = nullptr;
  cudaEvent_t arrived_ = nullptr;
};

}  // namespace

TensorReader::Copy cuda_copy(at::Device device, int threads, std::int64_t largest) {
  const c10::cuda::CUDAGuard on_device(device);
  // All on the current stream: a tensor's memory may still be read there by what was computed before it.
  const c10::cuda::CUDAStream stream = c10::cuda::getCurrentCUDAStream(device.index());
  auto lanes = std::make_shared<std::vector<std::unique_ptr<Lane>>>();
  for (int i = 0; i < threads; ++i) lanes->push_back(std::make_unique<Lane>(largest));
  return [=](int thread, const std::byte* from, std::int64_t size, std::byte* to) {
    const c10::cuda::CUDAGuard in_this_thread(device);
    (*lanes)[static_cast<std::size_t>(thread)]->copy(from, size, to, stream.stream());
  };
}

}  // namespace batchfit
