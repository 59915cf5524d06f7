#include "facts/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

#include "base/file.h"

namespace batchfit {
namespace {

std::string self() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return "process " + std::to_string(::getpid()) + " on " + host.data();
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::filesystem::path& path, Seconds patience) {
  std::error_code ignored;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), ignored);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0)
    return failure(ErrorKind::runtime, "cannot lock " + path.string() + ": " + std::strerror(errno));
  FileLock lock(fd);
  // flock has no time-out of its own, so it is polled; a holder keeps it for milliseconds.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(patience);
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return failure(ErrorKind::runtime, "cannot lock " + path.string() + ": " + std::strerror(errno));
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      const auto owner = read_file(path);
      return failure(
          ErrorKind::timeout,
          path.string() + " is locked by " + (owner && !owner->empty() ? *owner : "another process"),
          "wait for it, or name another cache with --cache");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const std::string owner = self();
  // Only a courtesy to whoever waits: nothing depends on this write.
  if (::ftruncate(fd, 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(fd, owner.data(), owner.size(), 0);
  }
  return lock;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace batchfit
