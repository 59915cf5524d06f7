#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "kernels/epilogue.h"

namespace batchfit {

/// Outputs side by side in their channels, made one after the other. Where layers end in an Epilogue each is
/// written to its place at once; else they are copied there when all are made.
class Joined {
 public:
  /// Of that many channels together, and else of the size and layout of `like`.
  Joined(bool in_place, const at::Tensor& like, std::int64_t channels);

  /// Where the next output goes, of so many channels.
  Ending next(std::int64_t channels) const;
  /// Takes the output that was made with it, and gives it back.
  at::Tensor add(const at::Tensor& output);

  /// All of them, which this then holds no more.
  at::Tensor take();

 private:
  at::Tensor whole_;  ///< undefined where parts are copied at last
  std::vector<at::Tensor> parts_;
  std::int64_t channels_ = 0;  ///< taken so far
};

}  // namespace batchfit
