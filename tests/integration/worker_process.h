#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "facts/json.h"

namespace batchfit {

/// A real worker process, spoken to over real pipes.
class WorkerProcess {
 public:
  explicit WorkerProcess(const std::vector<std::string>& command);
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;
  ~WorkerProcess();  ///< kills it where it still runs

  /// Sends a request with the next id, without waiting.
  void send(Json request);
  /// The next line; a discarded Json where the worker ended or two minutes went by.
  Json receive();
  Json ask(Json request) {
    send(std::move(request));
    return receive();
  }
  void close_stdin();

  /// The exit code once it ends; nullopt where it has not within the time or was ended by a signal.
  std::optional<int> exit_code(std::chrono::seconds patience);

 private:
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
  std::int64_t next_id_ = 1;
  std::string pending_;
};

}  // namespace batchfit
