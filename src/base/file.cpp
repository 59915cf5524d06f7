#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/descriptor.h"

namespace batchfit {
namespace fs = std::filesystem;
namespace {

tl::unexpected<Error> system_failure(const std::string& what, const fs::path& path) {
  return failure(ErrorKind::runtime, what + " " + path.string() + ": " + std::strerror(errno));
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

Result<void> make_parent(const fs::path& path) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (error)
    return failure(ErrorKind::runtime, "cannot make the folder of " + path.string() + ": " + error.message());
  return {};
}

/// Offset just behind the last \n, 0 where there is none; -1 on an error.
off_t end_of_last_line(int fd) {
  std::array<char, 4096> chunk{};
  off_t end = ::lseek(fd, 0, SEEK_END);
  while (end > 0) {
    const auto length = static_cast<std::size_t>(std::min<off_t>(end, chunk.size()));
    const off_t start = end - static_cast<off_t>(length);
    if (::pread(fd, chunk.data(), length, start) != static_cast<ssize_t>(length)) return -1;
    const std::size_t newline = std::string_view(chunk.data(), length).rfind('\n');
    if (newline != std::string_view::npos) return start + static_cast<off_t>(newline) + 1;
    end = start;
  }
  return end;
}

/// A rename or a new file is durable only once its folder is.
void sync_folder_of(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() >= 0) ::fsync(fd.get());
}

fs::path free_name_aside(const fs::path& path) {
  for (int n = 1;; ++n) {
    fs::path aside = path.string() + ".set-aside-" + std::to_string(n);
    if (!file_exists(aside)) return aside;
  }
}

}  // namespace

bool file_exists(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

Result<std::string> read_file(const fs::path& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return system_failure("cannot open", path);
  std::string bytes;
  std::string chunk(1 << 16, '\0');
  for (;;) {
    const ssize_t n = ::read(fd.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_failure("cannot read", path);
    if (n == 0) return bytes;
    bytes.append(chunk.data(), static_cast<std::size_t>(n));
  }
}

Result<void> write_file_atomically(const fs::path& path, std::string_view bytes) {
  if (auto made = make_parent(path); !made) return made;
  const fs::path temporary = path.string() + ".tmp-" + std::to_string(::getpid());
  {
    const Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (fd.get() < 0) return system_failure("cannot write", temporary);
    if (!write_all(fd.get(), bytes) || ::fsync(fd.get()) != 0) {
      auto error = system_failure("cannot write", temporary);
      ::unlink(temporary.c_str());
      return error;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    auto error = system_failure("cannot replace", path);
    ::unlink(temporary.c_str());
    return error;
  }
  sync_folder_of(path);
  return {};
}

Result<void> append_lines_durably(const fs::path& path, std::string_view lines, std::string_view header) {
  if (auto made = make_parent(path); !made) return made;
  const bool is_new = !file_exists(path);
  const Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (fd.get() < 0) return system_failure("cannot append to", path);
  const off_t whole = end_of_last_line(fd.get());
  if (whole < 0 || ::ftruncate(fd.get(), whole) != 0) return system_failure("cannot append to", path);
  const bool headed = whole > 0 || write_all(fd.get(), header);
  if (!headed || !write_all(fd.get(), lines) || ::fsync(fd.get()) != 0) {
    auto error = system_failure("cannot append to", path);
    if (::ftruncate(fd.get(), whole) != 0) error.value().message += "; its last line is torn";
    return error;
  }
  if (is_new) sync_folder_of(path);
  return {};
}

Result<fs::path> set_aside(const fs::path& path) {
  fs::path aside = free_name_aside(path);
  std::error_code error;
  fs::rename(path, aside, error);
  if (error) return failure(ErrorKind::runtime, "cannot set " + path.string() + " aside: " + error.message());
  sync_folder_of(path);
  return aside;
}

Result<fs::path> copy_aside(const fs::path& path) {
  const auto bytes = read_file(path);
  if (!bytes) return failure(bytes.error());
  fs::path aside = free_name_aside(path);
  if (auto copied = write_file_atomically(aside, *bytes); !copied) return failure(copied.error());
  return aside;
}

}  // namespace batchfit
