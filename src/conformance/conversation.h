#pragma once

#include <memory>
#include <string>

#include "worker/process.h"
#include "worker/protocol.h"

namespace batchfit::conformance {

/// The worker under test and what it is asked to load.
struct Subject {
  std::string command;
  LoadRequest load;
  Seconds patience = 120;  ///< for each answer
};

/// One process of the worker, talked to line by line.
class Conversation {
 public:
  /// Starts the worker; it has been asked nothing.
  static Result<Conversation> start(const Subject& subject);

  Result<void> send(const std::string& line);
  Result<std::string> receive();

  /// Sends a request under the next id and reads its answer.
  Result<Reply> ask(Json request);

  /// As ask, but a refusal is an error.
  Result<Json> need(Json request);

  /// No heartbeats are sent, so the time-out is longer than any check unless it is what is checked.
  Result<Hello> hello(Seconds heartbeat_timeout = 3600);
  Result<Loaded> load();  ///< says hello first

  /// Closes its stdin; whether it ended by itself within the time, and how.
  ExitStatus close_stdin(Seconds patience);

 private:
  Conversation(std::unique_ptr<ChildProcess> process, Subject subject)
      : process_(std::move(process)), subject_(std::move(subject)) {}

  /// Where the process is gone: also how it ended and what it said last.
  Error with_its_end(Error error);

  std::unique_ptr<ChildProcess> process_;
  Subject subject_;
  std::int64_t last_id_ = 0;
};

}  // namespace batchfit::conformance
