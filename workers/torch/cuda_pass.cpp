#include "cuda_pass.h"

#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>

#include <utility>

#include "cuda_trace.h"

namespace batchfit {

CudaPass::Events::Events() {
  C10_CUDA_CHECK(cudaEventCreate(&start));
  C10_CUDA_CHECK(cudaEventCreate(&first_token));
  C10_CUDA_CHECK(cudaEventCreate(&end));
}

CudaPass::Events::~Events() {
  cudaEventDestroy(start);
  cudaEventDestroy(first_token);
  cudaEventDestroy(end);
}

CudaPass::CudaPass(const LoadedModel& loaded, CudaDevice& device, Batch batch)
    : loaded_(loaded), stream_(device.stream()), inputs_(loaded.inputs(batch)) {
  if (!loaded.request.include_copies) return;
  for (const at::Tensor& input : inputs_) {
    const auto pinned = at::TensorOptions().device(at::kCPU).pinned_memory(true);
    host_inputs_.push_back(at::empty_like(input, pinned).copy_(input));
  }
}

void CudaPass::run() {
  for (std::size_t i = 0; i < host_inputs_.size(); ++i)
    inputs_[i].copy_(host_inputs_[i], /*non_blocking=*/true);
  launch();
}

Seconds CudaPass::timed() {
  C10_CUDA_CHECK(cudaEventRecord(events_.start, stream_));
  run();
  C10_CUDA_CHECK(cudaEventRecord(events_.end, stream_));
  C10_CUDA_CHECK(cudaEventSynchronize(events_.end));
  float milliseconds = 0;
  if (has_first_token_) {
    // A driver that cannot tell the time of a graph's event leaves it unknown.
    if (cudaEventElapsedTime(&milliseconds, events_.start, events_.first_token) == cudaSuccess) {
      first_tokens_.push_back(milliseconds * 1e-3);
    } else {
      cudaGetLastError();
    }
  }
  C10_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, events_.start, events_.end));
  return milliseconds * 1e-3;
}

void CudaPass::run_model(bool captured) {
  // An event of a graph that is read from outside must be said to be external; elsewhere that is an error.
  const unsigned int flags = captured ? cudaEventRecordExternal : cudaEventRecordDefault;
  loaded_.model->at_first_token = [this, flags] {
    C10_CUDA_CHECK(cudaEventRecordWithFlags(events_.first_token, stream_, flags));
    has_first_token_ = true;
  };
  try {
    loaded_.run(inputs_);
  } catch (...) {
    loaded_.model->at_first_token = nullptr;
    throw;
  }
  loaded_.model->at_first_token = nullptr;
}

namespace {

/// Ends a capture that raised, as far as it can be ended: the stream must leave its capture and the allocator
/// must stop serving the graph's pool, or nothing after it works. Either may find its part done.
void abandon_capture(at::cuda::CUDAGraph& graph, c10::DeviceIndex device) {
  try {
    graph.capture_end();
  } catch (const c10::Error&) {
  }
  try {
    c10::cuda::CUDACachingAllocator::endAllocateToPool(device, graph.pool());
  } catch (const c10::Error&) {
  }
  cudaGetLastError();
}

}  // namespace

void EagerPass::launch() { run_model(/*captured=*/false); }

void EagerPass::rehearse() {
  C10_CUDA_CHECK(cudaStreamSynchronize(stream()));  // the inputs are there before the recording
  // Relaxed: memory is taken and kernels are loaded on the way.
  C10_CUDA_CHECK(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeRelaxed));
  cudaGraph_t recorded = nullptr;
  try {
    launch();
  } catch (...) {
    cudaStreamEndCapture(stream(), &recorded);
    if (recorded != nullptr) cudaGraphDestroy(recorded);
    cudaGetLastError();
    throw;
  }
  C10_CUDA_CHECK(cudaStreamEndCapture(stream(), &recorded));
  C10_CUDA_CHECK(cudaGraphDestroy(recorded));
}

std::unique_ptr<at::cuda::CUDAGraph> capture(CudaDevice& device, const std::function<void()>& body) {
  auto graph = std::make_unique<at::cuda::CUDAGraph>();
  C10_CUDA_CHECK(cudaStreamSynchronize(device.stream()));  // the inputs are there before the graph reads them
  try {
    graph->capture_begin();
    body();
    graph->capture_end();
  } catch (...) {
    abandon_capture(*graph, device.index());
    static_cast<void>(graph.release());  // destroying half a capture raises again
    throw;
  }
  return graph;
}

GraphPass::GraphPass(const LoadedModel& loaded, CudaDevice& device, Batch batch,
                     std::optional<AllocationTrace>* trace)
    : CudaPass(loaded, device, batch) {
  std::optional<CudaTrace> recording;
  if (trace != nullptr) recording.emplace(device, batch, Timing::graph);
  // The output's memory belongs to the graph's pool; nothing needs its value.
  graph_ = capture(device, [this] { run_model(/*captured=*/true); });
  if (recording) *trace = recording->finish(graph_->pool());
}

void GraphPass::launch() { graph_->replay(); }

}  // namespace batchfit
