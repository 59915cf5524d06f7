#pragma once

#include <filesystem>

#include "base/error.h"
#include "base/units.h"

namespace batchfit {

/// Held while files of a cache are written. An flock: the kernel frees it when its owner dies, however it
/// dies. The file names the owner (process and host) for whoever waits.
class FileLock {
 public:
  /// Waits up to `patience`; a timeout error names the owner.
  static Result<FileLock> acquire(const std::filesystem::path& path, Seconds patience);

  FileLock(FileLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace batchfit
