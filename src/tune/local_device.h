#pragma once

#include <optional>
#include <string>

#include "base/units.h"
#include "facts/json.h"

namespace batchfit {

/// A device as it can be seen without a worker.
struct LocalDevice {
  Json fingerprint;             ///< what tells it from another device or another setting of it
  std::optional<Bytes> others;  ///< device memory in use now (no worker of ours is there yet)
  Seconds took = 0;             ///< spent in the driver's management library
};

/// Looks at "cuda:N", "cpu" or "sim:FILE". Where the driver's library is missing the fingerprint is the name
/// alone.
LocalDevice look_at(const std::string& device);

/// "cuda:0" where this machine has an NVIDIA GPU, else "cpu".
std::string default_device();

}  // namespace batchfit
