#pragma once

#include <ATen/cuda/CUDAGraph.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "cuda_device.h"
#include "facts/trace.h"
#include "loaded_model.h"
#include "sampling.h"

namespace batchfit {

/// A pass on a CUDA device, timed with events on the device's stream, which must be current. Copies of the
/// inputs from pinned host memory are timed with it where the load asked for them.
class CudaPass : public Pass {
 public:
  void run() override;
  Seconds timed() override;

 protected:
  CudaPass(const LoadedModel& loaded, CudaDevice& device, Batch batch);
  const LoadedModel& loaded() const { return loaded_; }
  cudaStream_t stream() const { return stream_; }
  /// Runs the model on the inputs; when the first of several tokens is there is recorded, in a captured graph
  /// as one of its nodes.
  void run_model(bool captured);

 private:
  virtual void launch() = 0;
  struct Events {
    Events();
    ~Events();
    Events(const Events&) = delete;
    Events& operator=(const Events&) = delete;
    cudaEvent_t start = nullptr, first_token = nullptr, end = nullptr;
  };

  const LoadedModel& loaded_;
  cudaStream_t stream_;
  std::vector<at::Tensor> inputs_;
  std::vector<at::Tensor> host_inputs_;  ///< pinned; none where copies are not timed
  Events events_;
  bool has_first_token_ = false;
};

/// An ordinary call, launches included.
class EagerPass : public CudaPass {
 public:
  EagerPass(const LoadedModel& loaded, CudaDevice& device, Batch batch) : CudaPass(loaded, device, batch) {}

  /// Makes every allocation of a call and launches nothing: the stream records the call instead, unknown to
  /// the allocator, which serves it as it serves any other. Throws what the call throws; the process's CUDA
  /// state must then be taken for lost.
  void rehearse();

 private:
  void launch() override;
};

/// A graph of what `body` launches on the device's stream, which must be current. Throws what the capture
/// throws; the process's CUDA state must then be taken for lost.
std::unique_ptr<at::cuda::CUDAGraph> capture(CudaDevice& device, const std::function<void()>& body);

/// Replays of a captured graph, which keeps its memory in a private pool. The constructor captures it and
/// throws what the capture throws; the process's CUDA state must then be taken for lost. Where `trace` is
/// given the capture's allocations are put there, as far as they can be told.
class GraphPass : public CudaPass {
 public:
  GraphPass(const LoadedModel& loaded, CudaDevice& device, Batch batch,
            std::optional<AllocationTrace>* trace = nullptr);

 private:
  void launch() override;
  std::unique_ptr<at::cuda::CUDAGraph> graph_;
};

}  // namespace batchfit
