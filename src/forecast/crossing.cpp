#include "forecast/crossing.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace batchfit {
namespace {

// Two looks lie this far apart: the drops seen in recordings hold for a tenth of the batch and more.
constexpr double step = 1.04;

struct Look {
  Batch batch;
  Forecast forecast;
};

std::vector<Look> looks(const Forecaster& forecaster, Batch from, Batch to) {
  std::set<Batch> batches{from, to};
  for (auto at = static_cast<double>(from); at < static_cast<double>(to); at = std::max(at + 1, at * step)) {
    batches.insert(static_cast<Batch>(at));
  }
  for (const Batch change : forecaster.regime_changes(to)) {
    if (change > from) batches.insert({change - 1, change});
  }
  std::vector<Look> all;
  for (const Batch batch : batches) {
    if (auto expected = forecaster.at(batch)) all.push_back({batch, std::move(*expected)});
  }
  return all;
}

}  // namespace

std::optional<Crossing> crossing(const Forecaster& forecaster, Bytes limit, Batch from, Batch to) {
  const std::vector<Look> all = looks(forecaster, from, to);
  if (all.empty()) return std::nullopt;
  const auto largest = [&](Bytes Forecast::*bound) -> Batch {
    const auto last = std::find_if(all.rbegin(), all.rend(),
                                   [&](const Look& look) { return look.forecast.*bound <= limit; });
    if (last == all.rend()) return 0;
    Batch within = last->batch;
    Batch beyond = last == all.rbegin() ? within + 1 : std::prev(last)->batch;
    while (beyond - within > 1) {
      const Batch middle = within + (beyond - within) / 2;
      ((*forecaster.at(middle)).*bound <= limit ? within : beyond) = middle;
    }
    return within;
  };
  return Crossing{largest(&Forecast::high), largest(&Forecast::own), largest(&Forecast::low)};
}

}  // namespace batchfit
