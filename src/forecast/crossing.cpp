#include "forecast/crossing.h"

#include <functional>

namespace batchfit {
namespace {

/// The largest batch in [first, last] that passes, where passing ends once and for all; 0 where `first` does
/// not.
Batch last_passing(Batch first, Batch last, const std::function<bool(Batch)>& passes) {
  if (!passes(first)) return 0;
  if (passes(last)) return last;
  while (last - first > 1) {
    const Batch middle = first + (last - first) / 2;
    (passes(middle) ? first : last) = middle;
  }
  return first;
}

}  // namespace

std::optional<Crossing> crossing(const Evidence& evidence, Bytes limit, Batch max_batch,
                                 const ForecastOptions& options) {
  if (!forecast(evidence, 1, options)) return std::nullopt;
  std::vector<Batch> starts = regime_changes(evidence, max_batch, options);
  if (starts.empty() || starts.front() > 1) starts.insert(starts.begin(), 1);
  const auto largest = [&](Bytes Forecast::*bound) {
    Batch last = max_batch;
    for (auto start = starts.rbegin(); start != starts.rend(); ++start) {
      const Batch found = last_passing(
          *start, last, [&](Batch batch) { return (*forecast(evidence, batch, options)).*bound <= limit; });
      if (found > 0) return found;
      last = *start - 1;
    }
    return Batch{0};
  };
  return Crossing{largest(&Forecast::high), largest(&Forecast::own), largest(&Forecast::low)};
}

}  // namespace batchfit
