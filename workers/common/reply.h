#pragma once

#include <string>
#include <tl/expected.hpp>

#include "base/error.h"
#include "facts/json.h"

namespace batchfit {

/// The kinds of error that a worker answers with; docs/protocol.md says what each means.
enum class RefusalKind { usage, unavailable, unsupported, out_of_memory, runtime };

/// A worker's error answer.
struct Refusal {
  RefusalKind kind = RefusalKind::runtime;
  std::string message;
  std::string remedy;           ///< empty where there is none to name
  bool replace_worker = false;  ///< this worker is unfit from here on
};

/// What a worker's operation gives: a value, or the error that the tuner is answered with.
template <class T>
using Answer = tl::expected<T, Refusal>;

/// `return refuse(RefusalKind::usage, "…", "…");` from a function that returns an Answer.
tl::unexpected<Refusal> refuse(RefusalKind kind, std::string message, std::string remedy = {});

/// Passes an error of the library on; kinds that the protocol does not have become `runtime`.
tl::unexpected<Refusal> refuse(const Error& error);

/// One line (without '\n') that answers the request with this id; a null id is left out.
std::string reply_line(const Json& id, const Answer<Json>& answer);

}  // namespace batchfit
