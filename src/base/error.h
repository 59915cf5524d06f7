#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace batchfit {

/// What kind of thing went wrong; src/cli maps each to an exit code, workers to a protocol error code.
enum class ErrorKind {
  runtime,      ///< something failed while running
  usage,        ///< the user asked for something impossible: option, file or name
  unavailable,  ///< a device or a worker is not there
  protocol,     ///< the other side of a pipe broke the protocol
  corrupt,      ///< a file is damaged, foreign or of another version
  timeout,      ///< no answer within the stated time
  interrupted,  ///< the user or a scheduler asked to stop
};

/// An error as a value: what happened (naming the option, file or process) and what the user can do about it.
struct Error {
  ErrorKind kind = ErrorKind::runtime;
  std::string message;
  std::string remedy;  ///< empty where there is none to name

  /// "message; remedy" on one line.
  std::string text() const { return remedy.empty() ? message : message + "; " + remedy; }
};

template <class T>
using Result = tl::expected<T, Error>;

/// `return failure(ErrorKind::usage, "…", "…");` from a function that returns a Result.
inline tl::unexpected<Error> failure(ErrorKind kind, std::string message, std::string remedy = {}) {
  return tl::unexpected<Error>(Error{kind, std::move(message), std::move(remedy)});
}

/// Passes the error of another Result on: `if (!r) return failure(r.error());`
inline tl::unexpected<Error> failure(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace batchfit
