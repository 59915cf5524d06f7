#pragma once

#include <sys/types.h>

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/units.h"
#include "worker/cancellation.h"

namespace batchfit {

using Deadline = std::chrono::steady_clock::time_point;
Deadline deadline_in(Seconds seconds);

/// How a process ended.
struct ExitStatus {
  std::optional<int> code;  ///< what it exited with
  std::optional<int>
      signal;  ///< or the signal that killed it; neither: it could not be ended (stuck in the kernel)

  std::string text() const;  ///< "exit code 1", "killed by signal 9"
};

/// How long a process is asked politely before the next, ruder step.
struct Graces {
  Seconds after_close =
      2;  ///< stdin closed: tearing a CUDA context or an srun step down takes a second or so
  Seconds after_terminate = 2;  ///< SIGTERM: for launchers that do not look at stdin
  Seconds after_kill = 5;  ///< SIGKILL: a process in an uninterruptible driver call is left to the system
};

/// A child process with pipes to its stdin, stdout and stderr. It leads a process group of its own, so that
/// Ctrl-C in a terminal reaches the tuner alone and whatever a launcher started ends with it. The destructor
/// ends and reaps it.
///
/// One thread reads; write_line may be called from another at the same time. stderr is drained while reading
/// and while ending.
class ChildProcess {
 public:
  /// Starts `/bin/sh -c "exec env COMMAND"`: a command line as a user writes it, with quotes and with leading
  /// NAME=VALUE assignments; no pipelines or lists (write `sh -c '…'` for those). `show_stderr` passes its
  /// stderr through. runtime error where no process can be made; a command that is not found is only seen as
  /// exit code 127.
  static Result<std::unique_ptr<ChildProcess>> start(const std::string& command, bool show_stderr = false);

  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }

  /// Writes the line and '\n'. Errors: runtime (the other end is closed), timeout, interrupted.
  Result<void> write_line(std::string_view line, Deadline deadline, const Cancellation* cancel = nullptr);

  /// The next line of stdout without its '\n'. Errors: runtime (stdout ended), protocol (longer than `limit`
  /// bytes), timeout, interrupted.
  Result<std::string> read_line(std::size_t limit, Deadline deadline, const Cancellation* cancel = nullptr);

  /// Closes stdin, waits, SIGTERM to the group, waits, SIGKILL to the group; always reaps. A second call only
  /// repeats the answer.
  ExitStatus terminate(const Graces& graces = {});

  /// The last lines of its stderr, the newest last.
  const std::deque<std::string>& last_words() const { return last_words_; }

 private:
  ChildProcess(pid_t pid, Descriptor to, Descriptor from, Descriptor errors, bool show_stderr);
  Result<void> wait_for_output(Deadline deadline, const Cancellation* cancel);
  void drain_stderr();
  void keep_last_words();
  bool ended_within(Seconds seconds);
  void reap();

  pid_t pid_;
  std::mutex writing_;  ///< a heartbeat must not land inside a request
  Descriptor to_;
  Descriptor from_;
  Descriptor errors_;
  bool show_stderr_;
  std::string received_;      ///< of stdout, not yet returned
  std::size_t searched_ = 0;  ///< of received_, known to hold no '\n'
  std::string stderr_line_;   ///< of stderr, not yet ended
  std::deque<std::string> last_words_;
  std::optional<ExitStatus> status_;
};

/// The text as one word of a shell's command line.
std::string shell_quoted(std::string_view text);

}  // namespace batchfit
