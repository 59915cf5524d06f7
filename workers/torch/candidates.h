#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "vision/poses.h"

namespace batchfit {

/// Of each image of a decoded output [batch, row, anchors] the rows whose best class scores above
/// `confidence`, one after the other. The filter runs on the output's device, so that only those few are
/// copied to the host.
std::vector<std::vector<float>> candidate_rows(const at::Tensor& decoded, const vision::PoseRow& row,
                                               float confidence);

}  // namespace batchfit
