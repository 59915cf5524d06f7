#pragma once

#include <cstddef>
#include <string>

#include "common/reply.h"

namespace batchfit {

/// Longest line a tuner may send (docs/protocol.md).
inline constexpr std::size_t request_limit_bytes = std::size_t{1} << 20;

/// The request that is being worked on, for operations that take long.
class Call {
 public:
  virtual ~Call() = default;

  /// Sends a line with the request's id and this as its `progress`.
  virtual void progress(const Json& progress) = 0;

  /// Whether the tuner has asked to end this request early.
  virtual bool stop_asked() const = 0;
};

/// What a worker does; the server does the rest of the protocol.
class Handler {
 public:
  virtual ~Handler() = default;

  /// Answers one request, on the thread that called `serve`. `hello` is asked like any other operation (the
  /// server itself reads its time-out); `quit`, `stop` and heartbeats are not. An operation that it does not
  /// have: `unsupported`. An exception that leaves it is answered as a `runtime` error.
  virtual Answer<Json> handle(const std::string& op, const Json& request, Call& call) = 0;
};

/// Keeps the process's stdout for the protocol: returns a descriptor of it, and from then on what anything
/// prints to file descriptor 1 goes to stderr. To be called first thing in main. Ends the process where it
/// fails.
int claim_stdout();

/// Serves requests read from `input` and answers on `output`, until the process ends: it never returns. A
/// thread of its own reads the input, so that the process ends at once, also in the middle of a request, when
/// the input closes (exit 0) or when nothing was heard for the time-out that `hello` named (exit 1). After
/// `quit` it exits with 0. The process ends through _exit: neither a kernel that still runs nor a library's
/// own clean-up may hold it back.
[[noreturn]] void serve(int input, int output, Handler& handler);

}  // namespace batchfit
