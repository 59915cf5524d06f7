#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <string>

#include "common/lines.h"
#include "common/server.h"

namespace batchfit {
namespace {

TEST(LineCutter, lines_come_out_whole_however_the_bytes_arrive) {
  LineCutter lines(10);
  lines.add("ab");
  EXPECT_FALSE(lines.next());
  lines.add("c\n\nde\nf");
  EXPECT_EQ(lines.next(), "abc");
  EXPECT_EQ(lines.next(), "");
  EXPECT_EQ(lines.next(), "de");
  EXPECT_FALSE(lines.next());
  EXPECT_FALSE(lines.overlong());
}

TEST(LineCutter, a_line_over_the_limit_is_refused_ended_or_not) {
  LineCutter ended(3), open(3), exact(3);
  ended.add("abcd\n");
  open.add("abcd");
  exact.add("abc\n");
  EXPECT_FALSE(ended.next());
  EXPECT_TRUE(ended.overlong());
  EXPECT_FALSE(open.next());
  EXPECT_TRUE(open.overlong());
  EXPECT_EQ(exact.next(), "abc");
  EXPECT_FALSE(exact.overlong());
}

TEST(Reply, an_error_names_its_kind_and_what_to_do) {
  Refusal refusal{RefusalKind::out_of_memory, "no room", "free some", true};
  const Json reply = Json::parse(reply_line(7, tl::unexpected(refusal)));
  EXPECT_EQ(reply, Json::parse(R"({"id":7,"ok":false,"replace_worker":true,
      "error":{"kind":"out_of_memory","message":"no room","remedy":"free some"}})"));
}

/// Answers "echo" with the request's text; "count" tells what it counts until it is stopped; "hang" never
/// ends; "throw" throws.
class EchoHandler : public Handler {
 public:
  Answer<Json> handle(const std::string& op, const Json& request, Call& call) override {
    if (op == "count") {
      for (int i = 1; !call.stop_asked(); ++i) call.progress(Json{{"counted", i}});
      return Json{{"stopped", true}};
    }
    if (op == "hang") {
      for (;;) ::pause();
    }
    if (op == "throw") throw std::runtime_error("thrown");
    if (op == "echo") return Json{{"text", request.at("text")}};
    return op == "hello" ? Answer<Json>(Json::object()) : refuse(RefusalKind::unsupported, "no " + op);
  }
};

/// A process that serves an EchoHandler over pipes.
class Served {
 public:
  Served() {
    std::array<int, 2> to{}, from{};
    if (::pipe(to.data()) != 0 || ::pipe(from.data()) != 0) throw std::runtime_error("pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(to[1]);
      ::close(from[0]);
      EchoHandler handler;
      serve(to[0], from[1], handler);
    }
    ::close(to[0]);
    ::close(from[1]);
    in_ = to[1];
    out_ = ::fdopen(from[0], "r");
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;
  ~Served() {
    close_input();
    std::fclose(out_);
    if (pid_ > 0) exit_code();
  }

  void send(const std::string& bytes) {
    EXPECT_EQ(::write(in_, bytes.data(), bytes.size()), ssize_t(bytes.size()));
  }
  Json answer() {
    std::string line;
    for (int c = std::fgetc(out_); c != EOF && c != '\n'; c = std::fgetc(out_))
      line.push_back(static_cast<char>(c));
    return Json::parse(line, nullptr, false);
  }
  int input() const { return in_; }
  void close_input() {
    if (in_ >= 0) ::close(in_);
    in_ = -1;
  }
  /// Waits for the process to end.
  int exit_code() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
  int in_ = -1;
  std::FILE* out_ = nullptr;
};

TEST(Server, requests_are_answered_in_order_with_their_ids) {
  Served served;
  served.send("{\"id\":1,\"op\":\"echo\",\"text\":\"a\"}\n{\"id\":2,\"op\":\"echo\",\"text\":\"b\"}\n");
  EXPECT_EQ(served.answer(), Json::parse(R"({"id":1,"ok":true,"text":"a"})"));
  EXPECT_EQ(served.answer(), Json::parse(R"({"id":2,"ok":true,"text":"b"})"));
}

TEST(Server, a_heartbeat_gets_no_answer) {
  Served served;
  served.send("{\"op\":\"heartbeat\"}\n{\"id\":3,\"op\":\"echo\",\"text\":\"c\"}\n");
  EXPECT_EQ(served.answer().at("id"), 3);
}

TEST(Server, what_is_no_request_is_a_usage_error_and_the_next_one_is_served) {
  Served served;
  served.send("not json\n[]\n{\"id\":1}\n{\"id\":2,\"op\":\"echo\",\"text\":\"d\"}\n");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(served.answer().at("error").at("kind"), "usage");
  EXPECT_EQ(served.answer().at("text"), "d");
}

TEST(Server, an_unknown_operation_is_unsupported_and_an_exception_is_a_runtime_error) {
  Served served;
  served.send(
      "{\"id\":1,\"op\":\"wat\"}\n{\"id\":2,\"op\":\"throw\"}\n{\"id\":3,\"op\":\"echo\",\"text\":\"e\"}\n");
  EXPECT_EQ(served.answer().at("error").at("kind"), "unsupported");
  EXPECT_EQ(served.answer().at("error").at("message"), "throw: thrown");
  EXPECT_EQ(served.answer().at("text"), "e");
}

TEST(Server, an_operation_tells_of_its_progress_until_it_is_stopped) {
  Served served;
  served.send("{\"op\":\"stop\"}\n{\"id\":5,\"op\":\"count\"}\n");
  EXPECT_EQ(served.answer(), Json::parse(R"({"id":5,"progress":{"counted":1}})"));
  served.send("{\"op\":\"stop\"}\n");
  Json line = served.answer();
  while (line.contains("progress")) line = served.answer();
  EXPECT_EQ(line, Json::parse(R"({"id":5,"ok":true,"stopped":true})"));
}

TEST(Server, after_quit_it_answers_and_exits_with_0) {
  Served served;
  served.send("{\"id\":8,\"op\":\"quit\"}\n");
  EXPECT_EQ(served.answer(), Json::parse(R"({"id":8,"ok":true})"));
  EXPECT_EQ(served.exit_code(), 0);
}

TEST(Server, it_ends_in_the_middle_of_a_request_when_its_input_closes) {
  Served served;
  served.send("{\"id\":1,\"op\":\"hang\"}\n");
  served.close_input();
  EXPECT_EQ(served.exit_code(), 0);
}

TEST(Server, it_ends_in_the_middle_of_a_request_when_no_heartbeat_comes) {
  Served served;
  served.send(
      "{\"id\":1,\"op\":\"hello\",\"protocol\":1,\"heartbeat_timeout_s\":0.05}\n{\"id\":2,\"op\":\"hang\"}"
      "\n");
  EXPECT_EQ(served.exit_code(), 1);
}

TEST(Server, a_line_over_1_MiB_ends_it) {
  Served served;
  std::signal(SIGPIPE, SIG_IGN);  // it may end before the line is through
  const std::string line(request_limit_bytes + 1, 'x');
  std::size_t sent = 0;
  while (sent < line.size()) {
    const ssize_t n = ::write(served.input(), line.data() + sent, line.size() - sent);
    if (n < 0) break;
    sent += static_cast<std::size_t>(n);
  }
  EXPECT_EQ(served.exit_code(), 1);
}

}  // namespace
}  // namespace batchfit
