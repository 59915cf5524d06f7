#pragma once

#include "base/error.h"
#include "search/answer.h"

namespace batchfit {

/// The program's exit codes (README.md, Exit codes).
inline constexpr int exit_found = 0;
inline constexpr int exit_runtime = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_nothing_fits = 3;
inline constexpr int exit_undecided = 4;
inline constexpr int exit_unavailable = 5;
inline constexpr int exit_regression = 6;     ///< report --fail-on-regression: something became worse
inline constexpr int exit_interrupted = 130;  ///< by Ctrl-C, as shells have it: 128 + SIGINT
inline constexpr int exit_terminated = 143;   ///< 128 + SIGTERM

inline int exit_code_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::usage:
      return exit_usage;
    case ErrorKind::unavailable:
    case ErrorKind::protocol:
      return exit_unavailable;
    default:
      return exit_runtime;
  }
}

inline int exit_code_of(Status status) {
  switch (status) {
    case Status::found:
      return exit_found;
    case Status::nothing_fits:
      return exit_nothing_fits;
    case Status::undecided:
      return exit_undecided;
    case Status::interrupted:
      return exit_interrupted;
    case Status::failed:
      break;
  }
  return exit_runtime;
}

}  // namespace batchfit
