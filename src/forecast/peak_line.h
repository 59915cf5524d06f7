#pragma once

#include <map>

#include "base/units.h"

namespace batchfit {

/// A peak at a batch that was not run.
struct PeakEstimate {
  Bytes likely = 0;
  Bytes low = 0;
  Bytes high = 0;
};

/// From the peaks (bytes by batch, at least one) of batches that ran, without traces. Between two of them:
/// the line through both, between their values. Beyond: the line through the largest and the nearest of at
/// most half its size (nearer ones may stand on the same step of whole segments), within the fan of the lines
/// through the largest and each of those; from one batch alone, anything from no growth to growth with the
/// batch.
PeakEstimate estimate_peak(const std::map<Batch, Bytes>& peaks, Batch batch);

}  // namespace batchfit
