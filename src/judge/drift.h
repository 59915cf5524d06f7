#pragma once

#include <optional>

#include "facts/evidence.h"

namespace batchfit {

/// The canary: how far batch 1's latency went from what its first undisturbed record said, at most, over the
/// later ones, comparisons among them; 0.02: it became 2 % slower. Absent where it was not seen twice. Solo
/// samples of two batches are compared as if nothing had changed between them: this is what changed.
std::optional<double> drift(const Evidence& evidence);

}  // namespace batchfit
