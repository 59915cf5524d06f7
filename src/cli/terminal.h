#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace batchfit {

/// Whether the descriptor is a terminal that understands escape sequences: TERM=dumb, or no TERM, says it
/// does not.
inline bool rewritable_terminal(int descriptor) {
  const char* term = std::getenv("TERM");
  return ::isatty(descriptor) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace batchfit
