#include "video/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/spawn.h"

namespace batchfit::video {
namespace {

/// Fewer and larger reads and writes of frames that are megabytes; what an unprivileged process may have.
constexpr int pipe_bytes = 1 << 20;
constexpr std::size_t kept_words = 64 << 10;  // a probe's description of many streams
constexpr std::size_t shown_words = 400;

struct Ends {
  Descriptor read, write;
};

Result<Ends> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return failure(ErrorKind::runtime, std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  return Ends{Descriptor(ends[0]), Descriptor(ends[1])};
}

/// A write to a closed pipe must be an error, not a signal that ends the process. The signal goes to the
/// thread that wrote and stays blocked there.
void block_sigpipe() {
  sigset_t pipe;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

}  // namespace

Result<Child> Child::start(const std::vector<std::string>& words, Pipe pipe) {
  auto data = make_pipe();
  auto errors = make_pipe();
  for (const auto* made : {&data, &errors}) {
    if (!*made) return failure(made->error());
  }
  const bool reads = pipe == Pipe::from_its_stdout;
  ::fcntl(data->read.get(), F_SETPIPE_SZ, pipe_bytes);  // one that stays small is only slower
  pid_t pid = 0;
  const int error =
      spawn(words.front(), words,
            {reads ? -1 : data->read.get(), reads ? data->write.get() : -1, errors->write.get()},
            /*own_group=*/false, pid);
  if (error != 0) {
    return failure(ErrorKind::unavailable, "cannot start " + words.front() + ": " + std::strerror(error));
  }
  return Child(pid, std::move(reads ? data->read : data->write), std::move(errors->read));
}

Child::Child(pid_t pid, Descriptor pipe, Descriptor errors)
    : pid_(pid),
      pipe_(std::move(pipe)),
      said_(std::make_unique<Said>()),
      listener_([errors = std::move(errors), said = said_.get()]() mutable { listen(errors, *said); }) {}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      pipe_(std::move(other.pipe_)),
      said_(std::move(other.said_)),
      listener_(std::move(other.listener_)) {}

Child::~Child() {
  kill();
  wait();
}

void Child::listen(const Descriptor& errors, Said& said) {
  std::array<char, 4096> chunk{};
  for (;;) {
    const ssize_t n = ::read(errors.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    const std::lock_guard lock(said.mutex);
    said.text.append(chunk.data(), static_cast<std::size_t>(n));
    if (said.text.size() > kept_words) said.text.erase(0, said.text.size() - kept_words);
  }
}

std::size_t Child::read_some(std::span<std::byte> to) {
  for (;;) {
    const ssize_t n = ::read(pipe_.get(), to.data(), to.size());
    if (n < 0 && errno == EINTR) continue;
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }
}

std::size_t Child::read(std::span<std::byte> to) {
  std::size_t done = 0;
  while (done < to.size()) {
    const std::size_t n = read_some(to.subspan(done));
    if (n == 0) break;
    done += n;
  }
  return done;
}

Result<void> Child::write(std::span<const std::span<const std::byte>> pieces) {
  block_sigpipe();
  for (std::span<const std::byte> left : pieces) {
    while (!left.empty()) {
      const ssize_t n = ::write(pipe_.get(), left.data(), left.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0)
        return failure(ErrorKind::runtime, std::string("it no longer reads: ") + std::strerror(errno));
      left = left.subspan(static_cast<std::size_t>(n));
    }
  }
  return {};
}

void Child::kill() const {
  if (!said_) return;  // moved from
  const std::lock_guard lock(said_->reaping);
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

std::string Child::wait() {
  close_pipe();
  if (listener_.joinable()) listener_.join();
  if (pid_ <= 0) return {};
  siginfo_t ended{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  const std::lock_guard lock(said_->reaping);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

std::string Child::said() const {
  const std::lock_guard lock(said_->mutex);
  return said_->text;
}

std::string Child::last_words() const {
  std::string words = said();
  words.erase(0, words.size() - std::min(words.size(), shown_words));
  while (!words.empty() && std::isspace(static_cast<unsigned char>(words.back())) != 0) words.pop_back();
  for (std::size_t at = 0; (at = words.find('\n', at)) != std::string::npos;) words.replace(at, 1, "; ");
  return words;
}

std::string output_of(const std::vector<std::string>& words) {
  auto child = Child::start(words, Child::Pipe::from_its_stdout);
  if (!child) return {};
  std::string text;
  std::array<std::byte, 4096> chunk{};
  while (const std::size_t n = child->read_some(chunk))
    text.append(reinterpret_cast<const char*>(chunk.data()), n);
  child->wait();
  return text + child->said();
}

}  // namespace batchfit::video
