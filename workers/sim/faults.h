#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/reply.h"
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

/// Lets the fault happen to the good answer to request `id`: gives the one that is really sent, or writes to
/// `output` itself, or ends the process, or never returns.
Answer<Json> strike(const PlannedFault& fault, const Json& reply, const Json& id, int output);

}  // namespace batchfit::sim
