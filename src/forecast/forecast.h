#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "facts/evidence.h"
#include "forecast/affine_program.h"
#include "forecast/held_memory.h"
#include "forecast/regimes.h"

namespace batchfit {

/// What a forecast rests on, best first.
enum class Basis {
  measured,   ///< the batch itself was measured or rehearsed: the interval is one number
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
  bool workspaces_unsettled = false;  ///< a library chose others at one of the traces: it may again
  bool crosses_regime = false;        ///< between the evidence and this batch a tensor reaches 2^31 elements
  std::vector<std::string> reasons;   ///< why the interval is wider than usual; one line each, for people

  /// Width of the interval as a part of the forecast.
  double width() const { return own > 0 ? static_cast<double>(high - low) / static_cast<double>(own) : 0; }
};

/// What the evidence does not say about a workload.
struct ForecastOptions {
  Bytes element_bytes = 4;  ///< size of one element of its tensors, see element_bytes()
};

/// 4 for fp32, 2 for fp16 and bf16, 1 for 8-bit types; 4 for names that are not known.
Bytes element_bytes(std::string_view dtype);

/// Forecasts from one state of the evidence, which must outlive it; what several forecasts need is worked out
/// once. From two traces that enclose the batch, or else the two largest of its regime; from one trace; from
/// measured peaks. At most four times the largest batch that ran is a distance to rely on.
class Forecaster {
 public:
  explicit Forecaster(const Evidence& evidence, const ForecastOptions& options = {});

  /// Own memory at `batch`; absent where the evidence holds no memory figure at all.
  std::optional<Forecast> at(Batch batch) const;

  /// Own memory at `batch` at the least, should its workspaces be as guessed; absent without traces that
  /// align.
  std::optional<Bytes> at_least(Batch batch, WorkspaceGuess guess) const;

  /// As regime_changes() below.
  std::vector<Batch> regime_changes(Batch up_to) const;

 private:
  /// Context of the largest batch that was measured, and how much it grew since the batch before it: kernels
  /// are loaded when first used, so it may grow so once more.
  struct Context {
    std::optional<Bytes> bytes;
    Bytes growth = 0;
  };
  /// What the traces up to one of them say.
  struct Prepared {
    std::optional<AffineProgram> program;  ///< absent: one trace, or its tensors do not align
    Bytes untraced = 0;                    ///< reserved as measured less what the trace's own replay gives
  };

  void read_context();
  const Prepared& prepared(const TraceChoice& choice) const;
  Bytes untraced(const AllocationTrace& trace) const;
  Forecast from_traces(Batch batch) const;
  HeldMemory beside_program(const TraceChoice& choice, const Prepared& known, Batch batch) const;
  std::optional<Forecast> from_peaks(Batch batch) const;

  std::map<Batch, const Observation*> observed_;
  std::map<Batch, Bytes> peaks_;  ///< own memory of the batches that were measured
  Traces traces_;
  Regimes regimes_;
  Context context_;
  bool resident_ = false;  ///< a CPU's peak is that of the process: its traces do not say what that does
  mutable std::map<const AllocationTrace*, Prepared> prepared_;  ///< by the last trace used
};

/// One forecast: Forecaster(evidence, options).at(batch). A pure function of the evidence, in well under a
/// millisecond.
std::optional<Forecast> forecast(const Evidence& evidence, Batch batch, const ForecastOptions& options = {});

/// Batches at which a tensor reaches 2^31 elements, ascending, up to a batch: there PyTorch and its libraries
/// change how they work, so memory may jump either way. Empty without traces.
std::vector<Batch> regime_changes(const Evidence& evidence, Batch up_to, const ForecastOptions& options = {});

}  // namespace batchfit
