#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"

namespace batchfit {

/// The named sizes that `--shape` gave.
struct Shapes {
  std::map<std::string, std::int64_t> sizes;  ///< what is measured: of a range the largest
  std::vector<std::string> notes;             ///< for people: which input decides, where a range was given
};

/// Reads "length=512" and "length=128:2048", one text a size. An answer must hold for the longest input, so a
/// range is measured at its largest. usage error for a text that is neither, and for a name given twice.
Result<Shapes> parse_shapes(const std::vector<std::string>& texts);

}  // namespace batchfit
