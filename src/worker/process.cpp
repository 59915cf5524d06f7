#include "worker/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/spawn.h"

namespace batchfit {
namespace {

constexpr std::size_t kept_lines = 40;  // enough for a Python traceback
constexpr std::size_t kept_line_bytes =
    1000;                        // a progress bar that never ends its line must not grow for ever
constexpr int exit_poll_ms = 2;  // between two looks at whether a process has ended

struct Pipe {
  Descriptor read, write;
};

/// A descriptor above stdin, stdout and stderr: with one of those closed in the tuner, a pipe would take its
/// number and the child's redirections would overwrite it.
Descriptor above_standard(int fd) {
  if (fd > STDERR_FILENO) return Descriptor(fd);
  const Descriptor low(fd);
  return Descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

/// Both ends close on exec, so that no other child keeps this one's stdin open. An open end never blocks the
/// tuner.
Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return failure(ErrorKind::runtime, std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  Pipe pipe{above_standard(ends[0]), above_standard(ends[1])};
  if (!pipe.read.is_open() || !pipe.write.is_open())
    return failure(ErrorKind::runtime, "too many open files");
  return pipe;
}

void never_block(const Descriptor& end) { ::fcntl(end.get(), F_SETFL, O_NONBLOCK); }

/// Keeps a write to a closed pipe from killing the program, whatever its own handling of SIGPIPE is: the
/// signal is blocked in this thread, and taken off if the write raised it.
class NoSigpipe {
 public:
  NoSigpipe() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    const timespec now{};
    if (!was_pending_) ::sigtimedwait(&pipe_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{}, before_{};
  bool was_pending_ = false;
};

/// poll() until one of the descriptors is ready; false at the deadline.
template <std::size_t N>
bool poll_until(std::array<pollfd, N>& descriptors, Deadline deadline) {
  for (;;) {
    using std::chrono::milliseconds;
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    const auto wait = std::clamp(left, milliseconds(0), milliseconds(60'000));
    const int ready = ::poll(descriptors.data(), N, static_cast<int>(wait.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (std::chrono::steady_clock::now() >= deadline) return false;
  }
}

tl::unexpected<Error> interrupted() { return failure(ErrorKind::interrupted, "interrupted"); }
tl::unexpected<Error> timed_out() { return failure(ErrorKind::timeout, "no answer in time"); }

int cancel_descriptor(const Cancellation* cancel) { return cancel == nullptr ? -1 : cancel->descriptor(); }

}  // namespace

Deadline deadline_in(Seconds seconds) {
  return std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                std::chrono::duration<double>(seconds));
}

std::string ExitStatus::text() const {
  if (code) return "exit code " + std::to_string(*code);
  if (signal) return "killed by signal " + std::to_string(*signal);
  return "could not be ended";
}

std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(const std::string& command, bool show_stderr) {
  auto to = make_pipe();
  auto from = make_pipe();
  auto errors = make_pipe();
  for (const auto* pipe : {&to, &from, &errors}) {
    if (!*pipe) return failure(pipe->error());
  }
  pid_t pid = 0;
  const int error = spawn("/bin/sh", {"sh", "-c", "exec env " + command},
                          {to->read.get(), from->write.get(), errors->write.get()}, /*own_group=*/true, pid);
  if (error != 0) {
    return failure(ErrorKind::runtime, "cannot start '" + command + "': " + std::strerror(error));
  }
  never_block(to->write);
  never_block(from->read);
  never_block(errors->read);
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, std::move(to->write), std::move(from->read),
                                                        std::move(errors->read), show_stderr));
}

ChildProcess::ChildProcess(pid_t pid, Descriptor to, Descriptor from, Descriptor errors, bool show_stderr)
    : pid_(pid),
      to_(std::move(to)),
      from_(std::move(from)),
      errors_(std::move(errors)),
      show_stderr_(show_stderr) {}

ChildProcess::~ChildProcess() { terminate(); }

Result<void> ChildProcess::write_line(std::string_view line, Deadline deadline, const Cancellation* cancel) {
  const std::string bytes = std::string(line) + '\n';
  const std::lock_guard lock(writing_);
  const NoSigpipe no_sigpipe;
  std::string_view left = bytes;
  while (!left.empty()) {
    if (!to_.is_open()) return failure(ErrorKind::runtime, "its stdin is closed");
    const ssize_t n = ::write(to_.get(), left.data(), left.size());
    if (n >= 0) {
      left.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN)
      return failure(ErrorKind::runtime, std::string("cannot write to it: ") + std::strerror(errno));
    std::array<pollfd, 2> events{{{to_.get(), POLLOUT, 0}, {cancel_descriptor(cancel), POLLIN, 0}}};
    if (!poll_until(events, deadline)) return timed_out();
    if (events[1].revents != 0) return interrupted();
  }
  return {};
}

Result<std::string> ChildProcess::read_line(std::size_t limit, Deadline deadline,
                                            const Cancellation* cancel) {
  std::array<char, 1 << 16> chunk;
  for (;;) {
    const std::size_t end = received_.find('\n', searched_);
    if (std::min(end, received_.size()) > limit) {
      return failure(ErrorKind::protocol, "a line longer than " + format_bytes(static_cast<Bytes>(limit)));
    }
    if (end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      searched_ = 0;
      return line;
    }
    searched_ = received_.size();
    if (auto ready = wait_for_output(deadline, cancel); !ready) return failure(ready.error());
    const ssize_t n = ::read(from_.get(), chunk.data(), chunk.size());
    if (n > 0) received_.append(chunk.data(), static_cast<std::size_t>(n));
    if (n == 0) return failure(ErrorKind::runtime, "its stdout ended");
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
      return failure(ErrorKind::runtime, std::string("cannot read from it: ") + std::strerror(errno));
    }
  }
}

Result<void> ChildProcess::wait_for_output(Deadline deadline, const Cancellation* cancel) {
  for (;;) {
    std::array<pollfd, 3> events{
        {{from_.get(), POLLIN, 0}, {cancel_descriptor(cancel), POLLIN, 0}, {errors_.get(), POLLIN, 0}}};
    if (!poll_until(events, deadline)) return timed_out();
    if (events[1].revents != 0) return interrupted();
    if (events[2].revents != 0) drain_stderr();
    if (events[0].revents != 0) return {};
    // A process that floods its stderr keeps poll busy for ever.
    if (std::chrono::steady_clock::now() >= deadline) return timed_out();
  }
}

void ChildProcess::drain_stderr() {
  std::array<char, 1 << 14> chunk;
  const ssize_t n = ::read(errors_.get(), chunk.data(), chunk.size());
  if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) errors_.close();
  if (n <= 0) return;
  if (show_stderr_) {
    [[maybe_unused]] const auto shown = ::write(STDERR_FILENO, chunk.data(), static_cast<std::size_t>(n));
  }
  for (const char c : std::string_view(chunk.data(), static_cast<std::size_t>(n))) {
    if (c == '\n') {
      keep_last_words();
    } else if (stderr_line_.size() < kept_line_bytes) {
      stderr_line_ += c;
    }
  }
}

void ChildProcess::keep_last_words() {
  if (!stderr_line_.empty()) last_words_.push_back(std::exchange(stderr_line_, {}));
  if (last_words_.size() > kept_lines) last_words_.pop_front();
}

ExitStatus ChildProcess::terminate(const Graces& graces) {
  if (status_) return *status_;
  {
    const std::lock_guard lock(writing_);
    to_.close();
  }
  if (!ended_within(graces.after_close)) {
    ::kill(-pid_, SIGTERM);
    ended_within(graces.after_terminate);
  }
  // Also where it has ended: what it started ends with it. Its number is not free before it is reaped.
  ::kill(-pid_, SIGKILL);
  ended_within(graces.after_kill);
  reap();
  return *status_;
}

bool ChildProcess::ended_within(Seconds seconds) {
  const Deadline deadline = deadline_in(seconds);
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == pid_) {
      return true;
    }
    if (std::chrono::steady_clock::now() >= deadline) return false;
    pollfd errors{errors_.get(), POLLIN, 0};  // a closed one is -1, which poll ignores: then it only waits
    if (::poll(&errors, 1, exit_poll_ms) > 0) drain_stderr();
  }
}

void ChildProcess::reap() {
  // What it said last may still be in the pipe; whoever else holds the other end is not waited for.
  for (std::size_t i = 0; i < 8 && errors_.is_open(); ++i) {
    pollfd errors{errors_.get(), POLLIN, 0};
    if (::poll(&errors, 1, 0) <= 0) break;
    drain_stderr();
  }
  keep_last_words();
  status_.emplace();
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return;
  if (WIFEXITED(status)) status_->code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) status_->signal = WTERMSIG(status);
}

}  // namespace batchfit
