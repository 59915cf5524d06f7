#include "sim/serve.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace batchfit::sim {
namespace {

constexpr std::size_t longest_request = std::size_t{1} << 20;

std::string op_of(const Json& request) {
  const bool has_op = request.is_object() && request.contains("op") && request["op"].is_string();
  return has_op ? request["op"].get<std::string>() : std::string();
}

/// Lines on their way from the thread that reads stdin to the one that answers.
class Lines {
 public:
  void put(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    arrived_.notify_one();
  }
  std::string take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !lines_.empty(); });
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    return line;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::string> lines_;
};

/// Heartbeats end here: they have done their work by arriving.
void take_line(std::string line, Lines& lines, int& timeout_ms) {
  const Json request = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  const std::string op = op_of(request);
  if (op == "heartbeat") return;
  if (op == "hello" && request.contains("heartbeat_timeout_s") &&
      request["heartbeat_timeout_s"].is_number()) {
    const double timeout = request["heartbeat_timeout_s"].get<double>();
    if (timeout > 0 && timeout < 1e6) timeout_ms = static_cast<int>(timeout * 1e3);
  }
  lines.put(std::move(line));
}

[[noreturn]] void read_stdin(Lines& lines) {
  int timeout_ms = -1;
  std::string received;
  std::array<char, 1 << 14> chunk;
  for (;;) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const int ready = ::poll(&input, 1, timeout_ms);
    if (ready == 0) {
      write_all(STDERR_FILENO, "the tuner has been silent for too long\n");
      ::_exit(1);
    }
    const ssize_t n = ready < 0 ? -1 : ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) ::_exit(0);
    received.append(chunk.data(), static_cast<std::size_t>(n));
    for (std::size_t end; (end = received.find('\n')) != std::string::npos; received.erase(0, end + 1)) {
      take_line(received.substr(0, end), lines, timeout_ms);
    }
    if (received.size() > longest_request) ::_exit(1);
  }
}

Json usage_error(const std::string& message) {
  return {{"ok", false},
          {"error", {{"kind", "usage"}, {"message", message}, {"remedy", "see docs/protocol.md"}}}};
}

}  // namespace

bool write_all(int descriptor, const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(descriptor, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  return true;
}

int claim_stdout() {
  const int output = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  return output >= 0 && ::dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 ? output : -1;
}

void serve(int output, Handler& handler) {
  Lines lines;
  std::thread([&lines] { read_stdin(lines); }).detach();  // it lives as long as the process
  for (;;) {
    const Json request = Json::parse(lines.take(), nullptr, /*allow_exceptions=*/false);
    const std::string op = op_of(request);
    Json reply = request.is_discarded() ? usage_error("a line that is not JSON")
                 : op.empty()           ? usage_error("a request without an 'op'")
                                        : handler.reply_to(op, request);
    if (request.is_object() && request.contains("id")) reply["id"] = request["id"];
    if (!write_all(output, dump_json(reply) + "\n")) ::_exit(1);
    if (op == "quit") ::_exit(0);
  }
}

}  // namespace batchfit::sim
