#pragma once

#include <string>

#include "facts/json.h"
#include "tune/tuned.h"

namespace batchfit {

/// The run as docs/results.md defines it (format "batchfit-results", version 1): everything that the other
/// exports and later reports are made from, raw records included. Seconds and bytes; what is not known is
/// left out.
Json results_json(const TuneRun& run);

/// The same as text for a file: readable, one batch or record a line; ends with \n.
std::string export_json(const TuneRun& run);

}  // namespace batchfit
