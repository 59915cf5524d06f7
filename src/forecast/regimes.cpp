#include "forecast/regimes.h"

#include <algorithm>
#include <cmath>

#include "forecast/affine_program.h"

namespace batchfit {
namespace {

constexpr Bytes elements_of_a_regime = Bytes{1} << 31;

/// Whether its sizes add up to what 64-bit counters can hold; what a worker sends is checked no further than
/// its form.
bool plausible(const AllocationTrace& trace) {
  double bytes = static_cast<double>(trace.reserved_before) + static_cast<double>(trace.allocated_before);
  for (const AllocationEvent& event : trace.events) bytes += static_cast<double>(event.bytes);
  for (const SegmentState& segment : trace.segments_before) {
    for (const SegmentState::Block& block : segment.blocks) bytes += static_cast<double>(block.bytes);
  }
  return bytes < 0x1p60;
}

}  // namespace

Traces traces_of(const Evidence& evidence) {
  Traces traces;
  for (const Record& record : evidence.records()) {
    const auto* trace = std::get_if<AllocationTrace>(&record);
    if (trace != nullptr && plausible(*trace)) traces[trace->batch] = trace;
  }
  return traces;
}

Regimes::Regimes(const Traces& traces, Bytes element_bytes) {
  if (traces.empty()) return;
  const AllocationTrace& largest = *traces.rbegin()->second;
  const auto full = static_cast<double>(elements_of_a_regime) * static_cast<double>(element_bytes);
  for (const Bytes bytes : tensors_of(largest)) {
    const double at =
        std::ceil(full * static_cast<double>(largest.batch) / static_cast<double>(std::max<Bytes>(1, bytes)));
    if (at < 9e18) changes_.push_back(static_cast<Batch>(at));
  }
  std::ranges::sort(changes_);
  changes_.erase(std::unique(changes_.begin(), changes_.end()), changes_.end());
}

std::ptrdiff_t Regimes::of(Batch batch) const {
  return std::ranges::upper_bound(changes_, batch) - changes_.begin();
}

TraceChoice choose_traces(const Traces& traces, const Regimes& regimes, Batch batch) {
  TraceChoice choice;
  const auto take_all_of = [&](std::ptrdiff_t regime) {
    for (const auto& [at, trace] : traces) {
      if (regimes.of(at) == regime) choice.traces.push_back(trace);
    }
  };
  take_all_of(regimes.of(batch));
  choice.crosses_regime = choice.traces.empty();
  if (choice.crosses_regime) {
    const auto above = traces.upper_bound(batch);
    take_all_of(regimes.of(above == traces.begin() ? above->first : std::prev(above)->first));
  }
  const auto beyond =
      std::ranges::find_if(choice.traces, [&](const AllocationTrace* trace) { return trace->batch > batch; });
  const auto last =
      std::min(std::max<std::ptrdiff_t>(beyond - choice.traces.begin(), 1), std::ssize(choice.traces) - 1);
  choice.traces.resize(static_cast<std::size_t>(last) + 1);
  return choice;
}

}  // namespace batchfit
