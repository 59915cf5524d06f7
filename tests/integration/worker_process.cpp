#include "worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace batchfit {
namespace {
constexpr int answer_patience_ms =
    120'000;  // a loaded CI machine may be slow; a broken worker must not hang it
}

WorkerProcess::WorkerProcess(const std::vector<std::string>& command) {
  std::array<int, 2> to{}, from{};
  if (::pipe2(to.data(), O_CLOEXEC) != 0 || ::pipe2(from.data(), O_CLOEXEC) != 0)
    throw std::runtime_error("pipe2");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int failed = ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(to[0]);
  ::close(from[1]);
  in_ = to[1];
  out_ = from[0];
  if (failed != 0) throw std::runtime_error("cannot start " + command[0]);
}

WorkerProcess::~WorkerProcess() {
  close_stdin();
  ::close(out_);
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void WorkerProcess::send(Json request) {
  request["id"] = next_id_++;
  const std::string line = dump_json(request) + "\n";
  if (::write(in_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    throw std::runtime_error("write");
}

Json WorkerProcess::receive() {
  for (;;) {
    if (const std::size_t end = pending_.find('\n'); end != std::string::npos) {
      Json json = Json::parse(pending_.substr(0, end), nullptr, /*allow_exceptions=*/false);
      pending_.erase(0, end + 1);
      return json;
    }
    std::array<char, 4096> chunk{};
    pollfd readable{out_, POLLIN, 0};
    const ssize_t n =
        ::poll(&readable, 1, answer_patience_ms) == 1 ? ::read(out_, chunk.data(), chunk.size()) : 0;
    if (n <= 0) return Json(Json::value_t::discarded);
    pending_.append(chunk.data(), static_cast<std::size_t>(n));
  }
}

void WorkerProcess::close_stdin() {
  if (in_ >= 0) ::close(in_);
  in_ = -1;
}

std::optional<int> WorkerProcess::exit_code(std::chrono::seconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return WIFEXITED(status) ? std::optional(WEXITSTATUS(status)) : std::nullopt;
    }
    if (std::chrono::steady_clock::now() > deadline) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace batchfit
