#include "facts/lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/temporary_folder.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests
using testing::HasSubstr;

/// A process that holds the lock until it is killed.
class Holder {
 public:
  explicit Holder(const std::filesystem::path& path) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      const auto lock = FileLock::acquire(path, 1);
      const char byte = lock ? 'y' : 'n';
      if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    EXPECT_EQ(byte, 'y');
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Holder() { kill(); }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

TEST(Lock, one_held_by_a_live_process_times_out_and_names_its_owner) {
  const TemporaryFolder folder;
  const Holder holder(folder / "lock");
  const auto lock = FileLock::acquire(folder / "lock", 0.02);
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().kind, ErrorKind::timeout);
  EXPECT_THAT(lock.error().message, HasSubstr("process " + std::to_string(holder.pid()) + " on "));
  EXPECT_THAT(lock.error().remedy, HasSubstr("--cache"));
}

TEST(Lock, one_whose_owner_was_killed_is_free_at_once) {
  const TemporaryFolder folder;
  Holder holder(folder / "lock");
  holder.kill();
  EXPECT_TRUE(FileLock::acquire(folder / "lock", 0));
}

TEST(Lock, it_is_free_when_it_goes_out_of_scope_and_not_before) {
  const TemporaryFolder folder;
  {
    auto lock = FileLock::acquire(folder / "new/folder/lock", 0);
    ASSERT_TRUE(lock);
    const FileLock moved = std::move(*lock);
    EXPECT_FALSE(FileLock::acquire(folder / "new/folder/lock", 0));
  }
  EXPECT_TRUE(FileLock::acquire(folder / "new/folder/lock", 0));
}

TEST(Lock, a_removed_file_keeps_nobody_out_and_lets_nobody_in_twice) {
  const TemporaryFolder folder;
  const auto removed = FileLock::acquire(folder / "lock", 0);
  ASSERT_TRUE(removed);
  std::filesystem::remove(folder / "lock");
  const auto lock = FileLock::acquire(folder / "lock", 0);
  ASSERT_TRUE(lock);
  EXPECT_FALSE(FileLock::acquire(folder / "lock", 0));
}

TEST(Lock, one_that_cannot_be_made_is_an_error_and_not_a_wait) {
  const auto lock = FileLock::acquire("/proc/no-such-folder/lock", 1000);
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().kind, ErrorKind::runtime);
}

}  // namespace
}  // namespace batchfit
