#pragma once

#include <string>

#include "facts/json.h"

namespace batchfit::sim {

/// What a worker does; `serve` does the rest of docs/protocol.md.
class Handler {
 public:
  virtual ~Handler() = default;

  /// The reply to one request, without its id.
  virtual Json reply_to(const std::string& op, const Json& request) = 0;
};

/// Keeps the process's stdout for the protocol: returns a descriptor of it; what anything prints to file
/// descriptor 1 from then on goes to stderr. -1 where it fails.
int claim_stdout();

/// Answers requests until the process ends; never returns. A thread of its own reads stdin and ends the
/// process when stdin closes (exit 0) or nothing was heard for the time-out that `hello` named (exit 1).
/// After `quit` it exits with 0.
[[noreturn]] void serve(int output, Handler& handler);

/// Writes all bytes; false where the other end is closed.
bool write_all(int descriptor, const std::string& bytes);

}  // namespace batchfit::sim
