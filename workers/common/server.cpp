#include "common/server.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <exception>
#include <limits>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "common/lines.h"

namespace batchfit {
namespace {

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

[[noreturn]] void end_process(int code, std::string_view why) {
  if (!why.empty()) write_all(STDERR_FILENO, "worker ends: " + std::string(why) + "\n");
  ::_exit(code);
}

/// Requests on their way from the reading thread to the working one.
class Requests {
 public:
  void put(Result<Json> request) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(request));
      stop_ = false;  // one that came before it was not for it
    }
    arrived_.notify_one();
  }

  void ask_to_stop() { stop_ = true; }
  bool stop_asked() const { return stop_; }

  Result<Json> take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !queue_.empty(); });
    Result<Json> request = std::move(queue_.front());
    queue_.pop_front();
    return request;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Result<Json>> queue_;
  std::atomic<bool> stop_ = false;
};

/// The heartbeat time-out in milliseconds, as poll takes it; negative: none was named yet.
using TimeOut = std::atomic<int>;

void adopt_time_out(const Json& hello, TimeOut& time_out) {
  const auto named = hello.find("heartbeat_timeout_s");
  if (named == hello.end() || !named->is_number()) return;
  const double milliseconds = named->get<double>() * 1e3;
  if (!(milliseconds > 0)) return;
  time_out = static_cast<int>(std::min<double>(std::ceil(milliseconds), std::numeric_limits<int>::max()));
}

std::string op_of(const Json& request) {
  const auto op = request.is_object() ? request.find("op") : request.end();
  return op != request.end() && op->is_string() ? op->get<std::string>() : std::string();
}

/// Takes one line in, on the reading thread: a heartbeat has done its work by arriving.
void take_line(const std::string& line, Requests& requests, TimeOut& time_out) {
  Result<Json> request = parse_json(line);
  const std::string op = request ? op_of(*request) : std::string();
  if (op == "heartbeat") return;
  if (op == "stop") return requests.ask_to_stop();
  if (op == "hello") adopt_time_out(*request, time_out);
  requests.put(std::move(request));
}

[[noreturn]] void read_requests(int input, Requests& requests) {
  TimeOut time_out = -1;
  LineCutter lines(request_limit_bytes);
  std::array<char, 1 << 16> chunk{};
  for (;;) {
    pollfd readable{input, POLLIN, 0};
    const int ready = ::poll(&readable, 1, time_out);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) end_process(1, "nothing was heard from the tuner for the time-out of its hello");
    const ssize_t n = ::read(input, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) end_process(0, "");
    lines.add({chunk.data(), static_cast<std::size_t>(n)});
    while (const auto line = lines.next()) take_line(*line, requests, time_out);
    if (lines.overlong()) end_process(1, "a line of the tuner is over 1 MiB");
  }
}

void send(int output, const std::string& line) {
  if (!write_all(output, line + "\n")) end_process(1, "the tuner no longer reads");
}

/// The request taken last.
class ServedCall : public Call {
 public:
  ServedCall(int output, const Requests& requests, const Json& id)
      : output_(output), requests_(requests), id_(id) {}

  void progress(const Json& progress) override {
    Json line = {{"progress", progress}};
    if (!id_.is_null()) line["id"] = id_;
    send(output_, dump_json(line));
  }
  bool stop_asked() const override { return requests_.stop_asked(); }

 private:
  int output_;
  const Requests& requests_;
  const Json& id_;
};

Answer<Json> answer(const Result<Json>& request, Handler& handler, Call& call) {
  if (!request)
    return refuse(RefusalKind::usage, "the request is " + request.error().message,
                  "send one JSON object a line");
  const std::string op = op_of(*request);
  if (op.empty()) return refuse(RefusalKind::usage, "the request has no 'op'", "see docs/protocol.md");
  if (op == "quit") return Json::object();
  try {
    return handler.handle(op, *request, call);
  } catch (const std::exception& error) {
    return refuse(RefusalKind::runtime, op + ": " + error.what());
  }
}

}  // namespace

int claim_stdout() {
  const int output = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (output < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) end_process(1, "stdout or stderr is closed");
  return output;
}

void serve(int input, int output, Handler& handler) {
  Requests requests;
  std::thread reader([input, &requests] { read_requests(input, requests); });
  for (;;) {
    const Result<Json> request = requests.take();
    const Json id = request && request->is_object() && request->contains("id") ? request->at("id") : Json();
    ServedCall call(output, requests, id);
    send(output, reply_line(id, answer(request, handler, call)));
    if (request && op_of(*request) == "quit") end_process(0, "");
  }
}

}  // namespace batchfit
