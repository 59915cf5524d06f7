#include "candidates.h"

#include <ATen/ops/amax.h>
#include <ATen/ops/nonzero.h>

namespace batchfit {

std::vector<std::vector<float>> candidate_rows(const at::Tensor& decoded, const vision::PoseRow& row,
                                               float confidence) {
  const at::Tensor best = decoded.narrow(1, 4, row.classes).to(at::kFloat).amax(1);
  const at::Tensor where =
      at::nonzero(best.gt(confidence));  // [candidates, 2]: image and anchor, in their order
  const at::Tensor image = where.select(1, 0), anchor = where.select(1, 1);
  const at::Tensor rows =
      decoded.transpose(1, 2).index({image, anchor}).to(at::kFloat).to(at::kCPU).contiguous();
  const at::Tensor of_image = image.to(at::kCPU);

  std::vector<std::vector<float>> found(static_cast<std::size_t>(decoded.size(0)));
  const auto* values = rows.const_data_ptr<float>();
  const auto* images = of_image.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < rows.size(0); ++i, values += rows.size(1)) {
    std::vector<float>& to = found[static_cast<std::size_t>(images[i])];
    to.insert(to.end(), values, values + rows.size(1));
  }
  return found;
}

}  // namespace batchfit
