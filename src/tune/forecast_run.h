#pragma once

#include <optional>
#include <string>
#include <vector>

#include "facts/evidence.h"
#include "facts/workload.h"
#include "forecast/forecast.h"
#include "judge/limits.h"

namespace batchfit {

/// One batch of a forecast run: what was said of it from smaller batches alone, and what it took.
struct ForecastedBatch {
  Batch batch = 1;
  std::optional<Forecast> forecast;  ///< absent: there was no evidence yet
  std::vector<Record> records;       ///< what measuring it brought; empty where it was not run
  bool from_cache = false;           ///< the records were known already
  std::optional<Bytes> beyond;       ///< it was not run: the forecast says that it takes more than this
  Seconds forecast_seconds = 0;      ///< that the forecast took

  /// The last observation, where there is one.
  const Observation* observation() const {
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
      if (const auto* seen = std::get_if<Observation>(&*record)) return seen;
    }
    return nullptr;
  }
  /// Own memory as measured; absent where it was not.
  std::optional<Bytes> measured() const {
    const Observation* seen = observation();
    if (seen == nullptr || seen->outcome != Outcome::measured) return std::nullopt;
    return seen->memory.own();
  }
  /// (forecast - measured) / measured.
  std::optional<double> error() const {
    const auto truth = measured();
    if (!forecast || !truth || *truth <= 0) return std::nullopt;
    return static_cast<double>(forecast->own) / static_cast<double>(*truth) - 1;
  }
  /// Whether what was measured lies within the forecast's interval.
  std::optional<bool> inside() const {
    const auto truth = measured();
    if (!forecast || !truth) return std::nullopt;
    return forecast->low <= *truth && *truth <= forecast->high;
  }
};

/// One call of `batchfit forecast`.
struct ForecastRun {
  std::string version;               ///< of batchfit
  std::vector<std::string> command;  ///< the command line
  double started_at = 0;             ///< seconds since the epoch
  Limits limits;                     ///< only that of memory counts
  Subject subject;
  std::vector<std::string> notes;  ///< of the worker, for people
  Environment environment;
  std::vector<ForecastedBatch> batches;
};

}  // namespace batchfit
