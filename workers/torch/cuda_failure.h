#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace batchfit {

/// Why something on the device did not work.
struct CudaFailure {
  bool out_of_memory = false;
  std::string reason;
};

/// Runs the step and returns why it raised; nullopt where it did not. Out-of-memory is told by the
/// exception's type and code, and where a library hides it in an error of its own, by the allocator's count
/// of out-of-memory events
/// (`ooms` reads it): never by text.
std::optional<CudaFailure> attempt(const std::function<void()>& step,
                                   const std::function<std::int64_t()>& ooms);

}  // namespace batchfit
