#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "facts/json.h"
#include "sim/device.h"

namespace batchfit::sim {

/// Where the process stands when a fault may strike.
struct Moment {
  std::string op;
  Batch batch = 0;  ///< 0: the request is about none
  std::int64_t probe = 0;
  std::int64_t attempt = 1;
};

/// The fault planned for this moment, the first that fits; null for none.
const PlannedFault* fault_at(const std::vector<PlannedFault>& faults, const Moment& moment);

/// The kinds, as docs/simulated-device.md describes them.
std::vector<std::string> fault_kinds();

/// Lets the fault happen to the answer `reply` to request `id`: gives the reply that is really sent, or
/// writes to `output` itself, or ends the process, or never returns.
Json strike(const PlannedFault& fault, Json reply, std::int64_t id, int output);

}  // namespace batchfit::sim
