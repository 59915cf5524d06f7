#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "facts/evidence.h"

namespace batchfit {

/// What a forecast rests on, best first.
enum class Basis {
  measured,   ///< the batch itself was measured: the interval is one number
  traces,     ///< two allocation traces, put through the allocator's rules
  one_trace,  ///< one trace of its regime, scaled
  peaks,      ///< measured peaks alone
};

/// Own memory at a batch, before it is run.
struct Forecast {
  Batch batch = 1;
  Bytes own = 0;   ///< the likeliest; context + reserved on a device, peak resident memory on a CPU
  Bytes low = 0;   ///< it will hardly be less
  Bytes high = 0;  ///< it will hardly be more
  Basis basis = Basis::peaks;
  std::optional<Bytes>
      context;  ///< the part outside the allocator; absent: unknown, and not in the numbers above
  bool crosses_regime = false;       ///< between the evidence and this batch a tensor reaches 2^31 elements
  std::vector<std::string> reasons;  ///< why the interval is wider than usual; one line each, for people

  /// Width of the interval as a part of the forecast.
  double width() const { return own > 0 ? static_cast<double>(high - low) / static_cast<double>(own) : 0; }
};

/// What the evidence does not say about a workload.
struct ForecastOptions {
  Bytes element_bytes = 4;  ///< size of one element of its tensors, see element_bytes()
};

/// 4 for fp32, 2 for fp16 and bf16, 1 for 8-bit types; 4 for names that are not known.
Bytes element_bytes(std::string_view dtype);

/// Own memory at `batch`; absent where the evidence holds no memory figure at all. A pure function of the
/// evidence, in well under a millisecond. From two traces that enclose the batch, or else the two largest of
/// its regime; from one trace; from measured peaks. At most four times the largest batch that ran is a
/// distance to rely on.
std::optional<Forecast> forecast(const Evidence& evidence, Batch batch, const ForecastOptions& options = {});

/// Batches at which a tensor reaches 2^31 elements, ascending, up to a batch: there PyTorch and its libraries
/// change how they work, so memory may jump either way. Empty without traces.
std::vector<Batch> regime_changes(const Evidence& evidence, Batch up_to, const ForecastOptions& options = {});

}  // namespace batchfit
