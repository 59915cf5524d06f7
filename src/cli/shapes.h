#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "tune/input_sizes.h"

namespace batchfit {

/// Reads `--shape`, one text a size, into what is to be tuned: one entry where no name has a list.
///
/// - length=512: the size;
/// - length=128,512,2048: a list, a workload for each; where several names have lists, for each combination;
/// - length=128:2048: every size of the range alike;
/// - length=128*6:512*3: these sizes, so often.
///
/// An answer must hold for the longest input, so a distribution (the last two) is tuned at its largest size;
/// its `distribution` is what throughput is measured over. Several distributions are taken as independent:
/// the combinations, weights multiplied. usage error for a text that is none of these, for a name or a size
/// given twice, and for more combinations than anybody would wait for.
Result<std::vector<InputSizes>> parse_shapes(const std::vector<std::string>& texts);

}  // namespace batchfit
