#include "worker/session.h"

#include <algorithm>
#include <utility>

namespace batchfit {
namespace {

constexpr int heartbeats_per_timeout = 3;  // two may be late or lost on the way before the worker gives up

const std::string& heartbeat_line() {
  static const std::string line = dump_json({{"op", "heartbeat"}});
  return line;
}

}  // namespace

Result<std::unique_ptr<Session>> Session::start(const std::string& command, Seconds heartbeat_timeout,
                                                bool show_stderr, const Cancellation* cancel) {
  auto process = ChildProcess::start(command, show_stderr);
  if (!process) return failure(process.error());
  return std::unique_ptr<Session>(new Session(std::move(*process), heartbeat_timeout, cancel));
}

Session::Session(std::unique_ptr<ChildProcess> process, Seconds heartbeat_timeout, const Cancellation* cancel)
    : process_(std::move(process)), cancel_(cancel) {
  heartbeats_ = std::jthread([this, every = heartbeat_timeout / heartbeats_per_timeout](
                                 const std::stop_token& stop) { send_heartbeats(stop, every); });
}

void Session::send_heartbeats(const std::stop_token& stop, Seconds every) {
  std::unique_lock lock(waiting_);
  for (;;) {
    woken_.wait_until(lock, stop, deadline_in(every), [] { return false; });
    if (stop.stop_requested()) return;
    // One that does not fit into a full pipe is not needed: the worker has not read the last ones yet.
    [[maybe_unused]] const auto sent = process_->write_line(heartbeat_line(), deadline_in(0));
  }
}

Result<Reply> Session::ask(Json request, Seconds timeout, const Told& told) {
  Deadline deadline = deadline_in(timeout);
  request["id"] = ++last_id_;
  const std::string line = dump_json(request);
  if (line.size() > longest_request_line) {
    return failure(ErrorKind::usage, "a request longer than " + format_bytes(longest_request_line));
  }
  if (auto sent = process_->write_line(line, deadline, cancel_); !sent) return failure(sent.error());
  const Cancellation* cancel = cancel_;
  for (;;) {
    const auto answer = process_->read_line(longest_reply_line, deadline, cancel);
    const bool stops = told && !answer && answer.error().kind == ErrorKind::interrupted && cancel != nullptr;
    if (!answer && !stops) return failure(answer.error());
    if (stops) {
      cancel = nullptr;
      const auto asked = process_->write_line(dump_json({{"op", "stop"}}), deadline_in(timeout));
      if (!asked) return failure(asked.error());
    } else {
      const auto progress = told ? read_progress(*answer, last_id_) : std::nullopt;
      if (!progress) return read_reply(*answer, last_id_);
      told(*progress);
    }
    deadline = deadline_in(timeout);
  }
}

std::string Session::end(const Graces& graces) {
  heartbeats_.request_stop();
  const ExitStatus status = process_->terminate(graces);
  const auto& words = process_->last_words();
  return words.empty() ? status.text() : status.text() + "; its last words: " + words.back();
}

}  // namespace batchfit
