#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "video/frame.h"

namespace batchfit::video {

/// Runs a pose model on batches of pictures: the pipeline's way to the device. Pictures are added one by one;
/// start() begins the pass over them and need not wait for it, so that the next batch is added while it runs.
/// All but memory() is called by one thread. Each may throw what the device's runtime throws.
class PosePass {
 public:
  virtual ~PosePass() = default;

  /// Memory for a picture that add() can read at its best; may be called by any thread.
  virtual std::shared_ptr<std::byte> memory(std::size_t bytes) = 0;

  /// Letterboxes the picture into the batch that is being filled. Its pixels must stay as they are until
  /// finish() has returned the batch.
  virtual void add(const Picture& picture) = 0;

  /// Begins the pass over what was added since the last one: from one picture to a whole batch.
  virtual void start() = 0;

  /// Waits for the earliest pass that was started. For each of its pictures, in order, the rows
  /// (vision::PoseRow) whose score is above the confidence.
  virtual std::vector<std::vector<float>> finish() = 0;

  /// Passes that may be started before the earliest one is finished.
  static constexpr std::size_t most_started = 2;

  /// Of all passes that were finished.
  struct Busy {
    Seconds prepare = 0;  ///< copying and letterboxing
    Seconds infer = 0;
  };
  virtual Busy busy() const = 0;
};

}  // namespace batchfit::video
