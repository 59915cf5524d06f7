#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/units.h"

namespace batchfit {

/// "1-256*2" is 1, 2, 4, … 256, "1-8" is every batch of the two and between, "1,8,64" names each; the three
/// may be mixed. Ascending and distinct. usage error where it cannot be read, or names more than 1000
/// batches.
Result<std::vector<Batch>> parse_batches(std::string_view text);

}  // namespace batchfit
