#include "report/cost.h"

#include <algorithm>
#include <array>

namespace batchfit {
namespace {

constexpr double seconds_per_hour = 3600;
constexpr double joules_per_kwh = 3.6e6;

constexpr const char* modal = "list price of Modal, 2026-05-07 (techbytes.app)";
constexpr const char* runpod = "list price of Runpod serverless, 2026-05 (docs.runpod.io)";

struct ListPrice {
  const char* part_of_name;  ///< of the device, as the driver names it
  double usd_per_hour;
  const char* source;
};

constexpr std::array list_prices{
    ListPrice{"H200", 5.58, runpod},
    ListPrice{"H100", 3.9492, modal},
    ListPrice{"A100-SXM4-80GB", 2.4984, modal},
    ListPrice{"A100 80GB", 2.4984, modal},
    ListPrice{"L40S", 1.9512, modal},
    ListPrice{"NVIDIA L4", 0.7992, modal},
    ListPrice{"Tesla T4", 0.5904, modal},
};

const BatchFigures* find(const std::vector<BatchFigures>& batches, Batch batch) {
  const auto at = std::lower_bound(batches.begin(), batches.end(), batch,
                                   [](const BatchFigures& figures, Batch b) { return figures.batch < b; });
  return at == batches.end() || at->batch != batch ? nullptr : &*at;
}

}  // namespace

std::optional<Price> list_price(const Device& device) {
  if (device.kind != "cuda" || device.mig) return std::nullopt;
  for (const auto& [name, usd, source] : list_prices) {
    if (device.name.find(name) != std::string::npos) return Price{usd, source, true};
  }
  return std::nullopt;
}

std::vector<Processing> processing(const std::vector<BatchFigures>& batches, const Answer& answer,
                                   std::int64_t items, const std::optional<Price>& price) {
  std::vector<Processing> out;
  const auto add = [&](std::string at, Batch batch) {
    const BatchFigures* figures = find(batches, batch);
    if (figures == nullptr || !figures->latency) return;
    const std::int64_t whole_calls = (items + batch - 1) / batch;
    const auto calls = static_cast<double>(whole_calls);
    Processing one{std::move(at), batch, calls * *figures->latency, {}, {}};
    if (price) one.usd = one.seconds / seconds_per_hour * price->usd_per_hour;
    if (figures->energy_per_item) {
      one.kwh = calls * static_cast<double>(batch) * *figures->energy_per_item / joules_per_kwh;
    }
    out.push_back(std::move(one));
  };
  add("batch 1", 1);
  if (!answer.best) return out;
  add("answer", answer.best->batch);
  for (const auto& [goal, choice] : answer.choices) {
    if (goal != answer.objective.goal) add(std::string(name_of(goal)), choice.batch);
  }
  return out;
}

}  // namespace batchfit
