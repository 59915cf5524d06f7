#pragma once

#include <ATen/cuda/CUDAGraph.h>

#include <array>
#include <deque>
#include <memory>
#include <vector>

#include "cuda_device.h"
#include "letterboxing.h"
#include "loaded_model.h"
#include "video/pose_pass.h"

namespace batchfit {

/// Passes of a model that finds poses, on a CUDA device. Pictures come from pinned memory and are letterboxed
/// one by one on the device's stream, which a whole batch's pass follows: a replayed graph where the model
/// can be captured, its surplus pictures dropped where the batch is not full. Candidates are picked out and
/// fetched on a stream of their own while the next pass runs.
class CudaPosePass : public video::PosePass {
 public:
  /// Captures the model. Throws c10::Error where that fails or memory runs out; model and device must outlive
  /// it.
  CudaPosePass(const LoadedModel& loaded, CudaDevice& device, Batch batch, Timing timing, float confidence);
  ~CudaPosePass() override;
  CudaPosePass(const CudaPosePass&) = delete;
  CudaPosePass& operator=(const CudaPosePass&) = delete;

  std::shared_ptr<std::byte> memory(std::size_t bytes) override;
  void add(const video::Picture& picture) override;
  void start() override;
  std::vector<std::vector<float>> finish() override;
  Busy busy() const override { return busy_; }

 private:
  /// When something began and ended on the device.
  class Span {
   public:
    Span();
    ~Span();
    Span(Span&& other) noexcept;
    Span& operator=(Span&&) = delete;
    void begin(cudaStream_t stream);
    void end(cudaStream_t stream);
    cudaEvent_t ended() const { return end_; }
    Seconds seconds() const;  ///< once it has ended

   private:
    cudaEvent_t begin_ = nullptr, end_ = nullptr;
  };

  /// What one pass leaves until it is finished.
  struct Slot {
    std::vector<Span> prepared;  ///< of each picture of the batch
    Span inferred;
    at::Tensor output;  ///< [batch, row, anchors]
    std::size_t pictures = 0;
  };

  const LoadedModel& loaded_;
  CudaDevice& device_;
  c10::cuda::CUDAStream fetching_;
  vision::PoseRow row_;
  float confidence_;
  Letterboxing letterboxing_;
  at::Tensor input_;                            ///< [batch, 3, rows, columns]
  at::Tensor output_;                           ///< of the graph
  std::unique_ptr<at::cuda::CUDAGraph> graph_;  ///< null: eager
  std::array<Slot, most_started> slots_;
  std::size_t filling_ = 0;  ///< the slot that pictures are added to
  std::deque<std::size_t> started_;
  Busy busy_;
};

}  // namespace batchfit
