#pragma once

#include <chrono>

namespace batchfit {

/// Wall-clock time in seconds since the epoch, as records and results carry it.
inline double seconds_since_epoch() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace batchfit
