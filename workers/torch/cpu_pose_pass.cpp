#include "cpu_pose_pass.h"

#include <ATen/ops/from_blob.h>

#include <deque>
#include <utility>

#include "candidates.h"
#include "letterboxing.h"

namespace batchfit {
namespace {

class CpuPosePass : public video::PosePass {
 public:
  CpuPosePass(const LoadedModel& loaded, Batch batch, float confidence)
      : loaded_(loaded),
        row_(loaded.model->pose_row().value_or(vision::PoseRow{})),
        confidence_(confidence),
        letterboxing_(at::kCPU),
        input_(loaded.inputs(batch).front()) {}

  std::shared_ptr<std::byte> memory(std::size_t bytes) override {
    return {new std::byte[bytes], std::default_delete<std::byte[]>()};
  }

  void add(const video::Picture& picture) override {
    const auto start = video::Clock::now();
    const auto bytes = static_cast<std::int64_t>(picture.planes.size());
    letterboxing_.write(picture, at::from_blob(picture.planes.data(), {bytes}, at::kByte),
                        input_.select(0, added_++));
    busy_.prepare += seconds_since(start);
  }

  void start() override {
    const auto start = video::Clock::now();
    const at::Tensor decoded = loaded_.run({input_.narrow(0, 0, std::exchange(added_, 0))});
    found_.push_back(candidate_rows(decoded, row_, confidence_));
    busy_.infer += seconds_since(start);
  }

  std::vector<std::vector<float>> finish() override {
    std::vector<std::vector<float>> rows = std::move(found_.front());
    found_.pop_front();
    return rows;
  }

  Busy busy() const override { return busy_; }

 private:
  static Seconds seconds_since(video::Clock::time_point start) {
    return std::chrono::duration<double>(video::Clock::now() - start).count();
  }

  const LoadedModel& loaded_;
  vision::PoseRow row_;
  float confidence_;
  Letterboxing letterboxing_;
  at::Tensor input_;
  std::int64_t added_ = 0;
  std::deque<std::vector<std::vector<float>>> found_;
  Busy busy_;
};

}  // namespace

std::unique_ptr<video::PosePass> cpu_pose_pass(const LoadedModel& loaded, Batch batch, float confidence) {
  return std::make_unique<CpuPosePass>(loaded, batch, confidence);
}

}  // namespace batchfit
