#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conformance/conversation.h"

namespace batchfit::conformance {

/// What a check found.
struct Finding {
  enum class Verdict { pass, fail, skip } verdict = Verdict::pass;
  std::string why;  ///< empty for a pass
};

/// One sentence of docs/protocol.md and what holds a worker against it, in a process of its own.
struct Check {
  std::string name;
  Finding (*run)(const Subject& subject);
};

/// All checks, in the order of the protocol page.
const std::vector<Check>& checks();

}  // namespace batchfit::conformance
