#pragma once

#include <map>
#include <vector>

#include "facts/evidence.h"

namespace batchfit {

/// The latest trace of each batch.
using Traces = std::map<Batch, const AllocationTrace*>;

/// Traces of the evidence, which must outlive them; those whose sizes no 64-bit counter could add up are left
/// out.
Traces traces_of(const Evidence& evidence);

/// Where tensors reach 2^31 elements: PyTorch and its libraries work in another way from there on.
class Regimes {
 public:
  /// From the largest trace, its tensors thought to scale with the batch.
  Regimes(const Traces& traces, Bytes element_bytes);

  /// Batches from which on one more kind of tensor has so many elements; ascending.
  const std::vector<Batch>& changes() const { return changes_; }

  /// How many kinds of tensors have so many.
  std::ptrdiff_t of(Batch batch) const;

 private:
  std::vector<Batch> changes_;
};

/// The traces that a forecast is made from.
struct TraceChoice {
  std::vector<const AllocationTrace*> traces;  ///< ascending; the last is the first beyond the batch, or the
                                               ///< largest; all of one regime
  bool crosses_regime = false;                 ///< there is none of the batch's own regime
};

/// Those of the batch's regime; where there are none, of the nearest one below, or else above. Traces must
/// not be empty.
TraceChoice choose_traces(const Traces& traces, const Regimes& regimes, Batch batch);

}  // namespace batchfit
