#pragma once

#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace batchfit {

/// usage error where there is no gnuplot to draw with.
Result<void> find_gnuplot();

/// Writes the script into the folder, as plots.gp, and runs it there. Missing folders are made.
Result<void> draw(const std::filesystem::path& folder, std::string_view script);

}  // namespace batchfit
