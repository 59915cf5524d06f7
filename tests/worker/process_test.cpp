#include "worker/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "sim_device_file.h"

namespace batchfit {
namespace {

constexpr std::size_t limit = 1000;
constexpr Graces short_graces{.after_close = 0.05, .after_terminate = 0.05, .after_kill = 5};

std::unique_ptr<ChildProcess> started(const std::string& command) {
  auto child = ChildProcess::start(command);
  EXPECT_TRUE(child) << child.error().text();
  return std::move(child).value();
}

TEST(ChildProcess, speaks_lines_both_ways) {
  const auto child = started("cat");
  ASSERT_TRUE(child->write_line("one", deadline_in(5)));
  ASSERT_TRUE(child->write_line("", deadline_in(5)));
  EXPECT_EQ(child->read_line(limit, deadline_in(5)).value(), "one");
  EXPECT_EQ(child->read_line(limit, deadline_in(5)).value(), "");
  EXPECT_EQ(child->terminate().code, 0);
  EXPECT_FALSE(exists(child->pid()));
}

TEST(ChildProcess, takes_quotes_and_assignments_as_a_shell_does) {
  EXPECT_EQ(started("A='x  y' sh -c 'echo \"$A\"'")->read_line(limit, deadline_in(5)).value(), "x  y");
  EXPECT_EQ(started("echo " + shell_quoted("it's; $HOME"))->read_line(limit, deadline_in(5)).value(),
            "it's; $HOME");
}

TEST(ChildProcess, that_is_not_there_ends_with_127_and_says_its_name) {
  const auto child = started("no-such-program-here");
  const auto line = child->read_line(limit, deadline_in(5));
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().kind, ErrorKind::runtime);
  EXPECT_EQ(child->terminate().code, 127);
  ASSERT_FALSE(child->last_words().empty());
  EXPECT_THAT(child->last_words().back(), testing::HasSubstr("no-such-program-here"));
}

TEST(ChildProcess, with_a_line_over_the_limit_is_an_error_not_a_buffer) {
  const auto line = started("head -c 100000000 /dev/zero")->read_line(limit, deadline_in(5));
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().kind, ErrorKind::protocol);
}

TEST(ChildProcess, that_says_nothing_times_out) {
  const auto line = started("sleep 1000")->read_line(limit, deadline_in(0.02));
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().kind, ErrorKind::timeout);
}

TEST(ChildProcess, that_does_not_read_its_stdin_does_not_block_the_writer) {
  const auto child = started("sleep 1000");
  const auto written = child->write_line(std::string(1 << 20, 'x'), deadline_in(0.02));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::timeout);
  child->terminate(short_graces);
}

TEST(ChildProcess, that_closed_its_stdin_is_an_error_to_write_to_and_no_SIGPIPE) {
  const auto child = started("sh -c 'exec <&-; echo closed; exec sleep 1000'");
  ASSERT_EQ(child->read_line(limit, deadline_in(5)).value(), "closed");
  const auto written = child->write_line("x", deadline_in(5));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::runtime);
  child->terminate(short_graces);
}

TEST(ChildProcess, keeps_the_last_lines_of_a_flood_on_stderr) {
  const auto child = started("sh -c 'seq 1 100000 >&2; echo done'");
  EXPECT_EQ(child->read_line(limit, deadline_in(30)).value(), "done");
  child->terminate();
  EXPECT_EQ(child->last_words().size(), 40U);
  EXPECT_EQ(child->last_words().back(), "100000");
}

TEST(ChildProcess, that_ignores_all_but_SIGKILL_is_killed_and_reaped_with_its_children) {
  const auto child =
      started("sh -c 'trap \"\" TERM HUP; sleep 1000 & echo $!; while :; do sleep 1000; done'");
  const pid_t grandchild = std::stoi(child->read_line(limit, deadline_in(5)).value());
  EXPECT_EQ(child->terminate(short_graces).signal, SIGKILL);
  EXPECT_FALSE(exists(child->pid()));
  EXPECT_TRUE(is_gone_soon(grandchild));
}

TEST(ChildProcess, a_raised_cancellation_ends_a_wait_from_another_thread) {
  const auto child = started("sleep 1000");
  Cancellation cancel;
  std::jthread raiser([&] { cancel.raise(); });
  const auto line = child->read_line(limit, deadline_in(1000), &cancel);
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().kind, ErrorKind::interrupted);
  EXPECT_TRUE(cancel.raised());
  child->terminate(short_graces);
}

}  // namespace
}  // namespace batchfit
