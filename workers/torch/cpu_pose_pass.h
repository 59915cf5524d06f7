#pragma once

#include <memory>

#include "loaded_model.h"
#include "video/pose_pass.h"

namespace batchfit {

/// Passes of a model that finds poses, on the CPU: start() does all the work. The model must outlive them.
std::unique_ptr<video::PosePass> cpu_pose_pass(const LoadedModel& loaded, Batch batch, float confidence);

}  // namespace batchfit
