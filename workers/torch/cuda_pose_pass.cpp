#include "cuda_pose_pass.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>

#include <utility>

#include "candidates.h"
#include "cuda_pass.h"

namespace batchfit {

CudaPosePass::Span::Span() {
  C10_CUDA_CHECK(cudaEventCreate(&begin_));
  C10_CUDA_CHECK(cudaEventCreate(&end_));
}

CudaPosePass::Span::~Span() {
  if (begin_ != nullptr) cudaEventDestroy(begin_);
  if (end_ != nullptr) cudaEventDestroy(end_);
}

CudaPosePass::Span::Span(Span&& other) noexcept
    : begin_(std::exchange(other.begin_, nullptr)), end_(std::exchange(other.end_, nullptr)) {}

void CudaPosePass::Span::begin(cudaStream_t stream) { C10_CUDA_CHECK(cudaEventRecord(begin_, stream)); }

void CudaPosePass::Span::end(cudaStream_t stream) { C10_CUDA_CHECK(cudaEventRecord(end_, stream)); }

Seconds CudaPosePass::Span::seconds() const {
  float milliseconds = 0;
  C10_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, begin_, end_));
  return milliseconds * 1e-3;
}

CudaPosePass::CudaPosePass(const LoadedModel& loaded, CudaDevice& device, Batch batch, Timing timing,
                           float confidence)
    : loaded_(loaded),
      device_(device),
      fetching_(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index())),
      row_(loaded.model->pose_row().value_or(vision::PoseRow{})),
      confidence_(confidence),
      letterboxing_(loaded.device) {
  const c10::cuda::CUDAStreamGuard on_stream(device.stream());
  input_ = loaded.inputs(batch).front();
  // Loads what loads lazily: a capture must not, and the first picture should not wait for it.
  const video::Picture any{{}, {64, 64}, video::Colours::bt601};
  const auto bytes = static_cast<std::int64_t>(video::picture_bytes(any.size));
  const at::Tensor planes = at::zeros({bytes}, at::TensorOptions().device(loaded.device).dtype(at::kByte));
  letterboxing_.write(any, planes, input_.select(0, 0));
  output_ = loaded.run({input_});
  candidate_rows(output_.narrow(0, 0, 1), row_, confidence);
  device.empty_allocator();  // the graph takes memory of its own
  for (Slot& slot : slots_) {
    slot.prepared.resize(static_cast<std::size_t>(batch));
    slot.output = at::empty_like(output_);
  }
  if (timing == Timing::graph) graph_ = capture(device, [this] { output_ = loaded_.run({input_}); });
}

CudaPosePass::~CudaPosePass() {
  // Nothing may still read the pictures or the graph's memory.
  cudaStreamSynchronize(device_.stream());
  cudaStreamSynchronize(fetching_);
}

std::shared_ptr<std::byte> CudaPosePass::memory(std::size_t bytes) {
  const c10::cuda::CUDAGuard on_device(device_.index());
  void* memory = nullptr;
  C10_CUDA_CHECK(cudaHostAlloc(&memory, bytes, cudaHostAllocPortable));
  return {static_cast<std::byte*>(memory), [](std::byte* pinned) { cudaFreeHost(pinned); }};
}

void CudaPosePass::add(const video::Picture& picture) {
  const c10::cuda::CUDAStreamGuard on_stream(device_.stream());
  Slot& slot = slots_.at(filling_);
  Span& span = slot.prepared.at(slot.pictures);
  const auto bytes = static_cast<std::int64_t>(picture.planes.size());
  const at::Tensor planes = at::empty({bytes}, at::TensorOptions().device(loaded_.device).dtype(at::kByte));
  span.begin(device_.stream());
  C10_CUDA_CHECK(cudaMemcpyAsync(planes.mutable_data_ptr(), picture.planes.data(), picture.planes.size(),
                                 cudaMemcpyHostToDevice, device_.stream()));
  letterboxing_.write(picture, planes, input_.select(0, static_cast<std::int64_t>(slot.pictures)));
  span.end(device_.stream());
  ++slot.pictures;
}

void CudaPosePass::start() {
  const c10::cuda::CUDAStreamGuard on_stream(device_.stream());
  Slot& slot = slots_.at(filling_);
  slot.inferred.begin(device_.stream());
  if (graph_) {
    graph_->replay();
  } else {
    output_ = loaded_.run({input_});
  }
  slot.output.copy_(output_);  // the next pass writes where this one did
  slot.inferred.end(device_.stream());
  started_.push_back(filling_);
  filling_ = (filling_ + 1) % slots_.size();
}

std::vector<std::vector<float>> CudaPosePass::finish() {
  Slot& slot = slots_.at(started_.front());
  started_.pop_front();
  const c10::cuda::CUDAStreamGuard on_stream(fetching_);
  C10_CUDA_CHECK(cudaStreamWaitEvent(fetching_, slot.inferred.ended(), 0));
  const auto pictures = static_cast<std::int64_t>(slot.pictures);
  // It copies to memory that is not pinned, so that all is done when it returns.
  std::vector<std::vector<float>> rows =
      candidate_rows(slot.output.narrow(0, 0, pictures), row_, confidence_);
  C10_CUDA_CHECK(cudaStreamSynchronize(fetching_));
  for (std::size_t i = 0; i < slot.pictures; ++i) busy_.prepare += slot.prepared[i].seconds();
  busy_.infer += slot.inferred.seconds();
  slot.pictures = 0;
  return rows;
}

}  // namespace batchfit
