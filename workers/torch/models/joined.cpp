#include "models/joined.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <utility>

namespace batchfit {

Joined::Joined(bool in_place, const at::Tensor& like, std::int64_t channels) {
  if (!in_place) return;
  whole_ = at::empty({like.size(0), channels, like.size(2), like.size(3)},
                     like.options().memory_format(like.suggest_memory_format()));
}

Ending Joined::next(std::int64_t channels) const {
  if (!whole_.defined()) return {};
  return {{}, whole_.narrow(1, channels_, channels)};
}

at::Tensor Joined::add(const at::Tensor& output) {
  channels_ += output.size(1);
  if (!whole_.defined()) parts_.push_back(output);
  return output;
}

at::Tensor Joined::take() {
  if (whole_.defined()) return std::exchange(whole_, {});
  return at::cat(std::exchange(parts_, {}), 1);
}

}  // namespace batchfit
