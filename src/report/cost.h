#pragma once

#include <optional>
#include <string>
#include <vector>

#include "facts/workload.h"
#include "report/figures.h"

namespace batchfit {

/// What an hour of the device costs.
struct Price {
  double usd_per_hour = 0;
  std::string source;       ///< "--price", or whose list price of which day it is
  bool is_default = false;  ///< from the table, because the user named none

  bool operator==(const Price&) const = default;
};

/// The list price of the GPU, as a default where the user names none: one provider's public price on the day
/// that its source says. Absent for a model that is not in the table, for a slice of one, for a CPU and for a
/// simulated device.
std::optional<Price> list_price(const Device& device);

/// What it takes to process a number of items, one batch after the other.
struct Processing {
  std::string at;  ///< "batch 1", "answer", or the objective whose choice the batch is
  Batch batch = 1;
  Seconds seconds = 0;
  std::optional<double> usd;  ///< absent where the price is not known
  std::optional<double> kwh;  ///< absent where the device did not tell joules of this batch

  bool operator==(const Processing&) const = default;
};

/// At batch 1, at the answer, and at what each other objective chooses. `batches` holds the figures of all.
/// The last batch may be a part of one and counts as a whole.
std::vector<Processing> processing(const std::vector<BatchFigures>& batches, const Answer& answer,
                                   std::int64_t items, const std::optional<Price>& price);

}  // namespace batchfit
