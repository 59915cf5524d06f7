#include "search/memory_bound.h"

namespace batchfit {

std::optional<Crossing> memory_bound(const Evidence& evidence, const Limits& limits,
                                     const Environment& environment, Batch max_batch,
                                     const ForecastOptions& options) {
  const auto allowed = limits.own_memory(environment);
  if (!allowed) return std::nullopt;
  return crossing(evidence, *allowed, max_batch, options);
}

std::optional<Forecast> beyond_memory(const Evidence& evidence, Batch batch, const Limits& limits,
                                      const Environment& environment, const ForecastOptions& options) {
  const auto allowed = limits.own_memory(environment);
  if (!allowed) return std::nullopt;
  auto expected = forecast(evidence, batch, options);
  if (!expected || expected->low <= *allowed) return std::nullopt;
  return expected;
}

}  // namespace batchfit
