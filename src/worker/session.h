#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/units.h"
#include "worker/cancellation.h"
#include "worker/process.h"
#include "worker/protocol.h"

namespace batchfit {

/// One worker process from its start to its end: requests and replies in turn, and heartbeats from a thread
/// of its own. After the first error of `ask` the session is of no more use than to be ended.
class Session {
 public:
  /// Starts the process; it has said nothing yet. `cancel` may be null and must outlive the session.
  static Result<std::unique_ptr<Session>> start(const std::string& command, Seconds heartbeat_timeout,
                                                bool show_stderr, const Cancellation* cancel);

  using Told = std::function<void(const Json& progress)>;

  /// Sends the request and waits for its reply. Errors: runtime (the process ended or closed a pipe),
  /// timeout, protocol, interrupted. A refusal by the worker is a Reply.
  ///
  /// With `told` the worker may tell of its progress, and has the whole time-out again each time; where the
  /// cancellation is raised it is asked to stop, and its reply still waited for.
  Result<Reply> ask(Json request, Seconds timeout, const Told& told = nullptr);

  /// Ends the process. Says how it ended and the last thing it said, for people, on one line.
  std::string end(const Graces& graces);

  pid_t pid() const { return process_->pid(); }

 private:
  Session(std::unique_ptr<ChildProcess> process, Seconds heartbeat_timeout, const Cancellation* cancel);
  void send_heartbeats(const std::stop_token& stop, Seconds every);

  std::unique_ptr<ChildProcess> process_;
  const Cancellation* cancel_;
  std::int64_t last_id_ = 0;
  std::mutex waiting_;
  std::condition_variable_any woken_;
  std::jthread heartbeats_;  ///< last, so that it ends before what it uses
};

}  // namespace batchfit
