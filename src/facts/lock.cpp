#include "facts/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
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

/// Whether the path still names the open file: who clears a cache removes its lock too, and a lock on a
/// removed file keeps nobody out.
bool names(const std::filesystem::path& path, int fd) {
  struct stat there {};
  struct stat open {};
  return ::stat(path.c_str(), &there) == 0 && ::fstat(fd, &open) == 0 && there.st_dev == open.st_dev &&
         there.st_ino == open.st_ino;
}

/// Only a courtesy to whoever waits: nothing depends on it.
void write_owner(int fd) {
  const std::string owner = self();
  if (::ftruncate(fd, 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(fd, owner.data(), owner.size(), 0);
  }
}

tl::unexpected<Error> held_by_another(const std::filesystem::path& path) {
  const auto owner = read_file(path);
  return failure(ErrorKind::timeout,
                 path.string() + " is locked by " + (owner && !owner->empty() ? *owner : "another process"),
                 "wait for it, or name another cache with --cache");
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::filesystem::path& path, Seconds patience) {
  // flock has no time-out of its own, so it is polled; a holder keeps it for milliseconds.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(patience);
  for (;;) {
    std::error_code shown_by_open;
    if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), shown_by_open);
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
      return failure(ErrorKind::runtime, "cannot lock " + path.string() + ": " + std::strerror(errno));
    FileLock lock(fd);
    const bool held = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (!held && errno != EWOULDBLOCK && errno != EINTR) {
      return failure(ErrorKind::runtime, "cannot lock " + path.string() + ": " + std::strerror(errno));
    }
    if (held && names(path, fd)) {
      write_owner(fd);
      return lock;
    }
    if (std::chrono::steady_clock::now() >= deadline) return held_by_another(path);
    if (!held) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace batchfit
