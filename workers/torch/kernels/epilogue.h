#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "base/error.h"

namespace batchfit {

/// Where the output of a layer goes, which has the shape of that output.
struct Ending {
  at::Tensor added;  ///< is added to it; undefined: nothing
  at::Tensor out;    ///< holds it then: some channels of a larger tensor, say; undefined: a tensor of its own

  /// The same with one more tensor added.
  Ending adding(const at::Tensor& more) const { return {added.defined() ? added.add(more) : more, out}; }

  /// Brings an output that nobody else holds where it goes, by ATen.
  at::Tensor apply(at::Tensor output) const;
};

/// What follows a convolution, in one pass over its output.
class Epilogue {
 public:
  virtual ~Epilogue() = default;

  /// activation(output + bias) + added, where the ending says: over the output itself unless it names another
  /// tensor. Computed in float32 and rounded once. The output is [batch, channels, rows, columns] and nobody
  /// else's, the bias [channels]; all are on the device and in the dtype that this was made for. Takes no
  /// memory and can be captured where the tensors are laid out alike, by rows or by channels, dense within an
  /// item.
  virtual at::Tensor finish(at::Tensor output, const at::Tensor& bias, bool silu,
                            const Ending& ending) const = 0;
};

/// A kernel compiled for the device and dtype (float32, float16 or bfloat16), once a process; some tens of
/// milliseconds, outside of a capture. unavailable error where there is no compiler or it cannot.
Result<std::shared_ptr<const Epilogue>> cuda_epilogue(at::Device device, at::ScalarType dtype);

}  // namespace batchfit
