#include "conformance/conversation.h"

#include <utility>

namespace batchfit::conformance {

Result<Conversation> Conversation::start(const Subject& subject) {
  auto process = ChildProcess::start(subject.command);
  if (!process) return failure(process.error());
  return Conversation(std::move(*process), subject);
}

Result<void> Conversation::send(const std::string& line) {
  return process_->write_line(line, deadline_in(subject_.patience));
}

Result<std::string> Conversation::receive() {
  return process_->read_line(longest_reply_line, deadline_in(subject_.patience));
}

Result<Reply> Conversation::ask(Json request) {
  request["id"] = ++last_id_;
  if (auto sent = send(dump_json(request)); !sent) return failure(with_its_end(sent.error()));
  const auto line = receive();
  if (!line) return failure(with_its_end(line.error()));
  return read_reply(*line, last_id_);
}

Error Conversation::with_its_end(Error error) {
  if (error.kind != ErrorKind::runtime) return error;
  error.message += "; " + process_->terminate().text();
  if (!process_->last_words().empty()) error.message += "; its last words: " + process_->last_words().back();
  return error;
}

Result<Json> Conversation::need(Json request) {
  const std::string op = request.at("op");
  auto reply = ask(std::move(request));
  if (!reply) return failure(reply.error());
  if (reply->refusal)
    return failure(ErrorKind::runtime, op + " is refused: " + reply->refusal->error().text());
  return std::move(reply->body);
}

Result<Hello> Conversation::hello(Seconds heartbeat_timeout) {
  auto body = need(hello_request(heartbeat_timeout));
  if (!body) return failure(body.error());
  return read_hello(*body);
}

Result<Loaded> Conversation::load() {
  if (auto said = hello(); !said) return failure(said.error());
  auto body = need(load_request(subject_.load));
  if (!body) return failure(body.error());
  return read_loaded(*body);
}

ExitStatus Conversation::close_stdin(Seconds patience) {
  return process_->terminate({.after_close = patience, .after_terminate = 0, .after_kill = 5});
}

}  // namespace batchfit::conformance
