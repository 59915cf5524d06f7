#pragma once

#include <string>
#include <string_view>

#include "facts/json.h"
#include "tune/forecast_run.h"

namespace batchfit {

/// "traces", "one trace", "peaks", "measured": what a forecast rests on.
std::string_view name_of(Basis basis);

/// A forecast as docs/results.md, Forecasts, defines it.
Json forecast_json(const Forecast& forecast);

/// Forecast and measurement side by side, a line a batch; ends with a line that sums up the errors.
std::string render_forecasts(const ForecastRun& run);

/// The same as JSON (docs/results.md, Forecasts).
std::string export_forecasts_json(const ForecastRun& run);

}  // namespace batchfit
