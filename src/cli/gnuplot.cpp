#include "cli/gnuplot.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/file.h"

namespace batchfit {
namespace fs = std::filesystem;
namespace {

constexpr const char* script_name = "plots.gp";

/// Runs `gnuplot plots.gp` in the folder; its exit status, or -1 with errno.
int run_in(const fs::path& folder) {
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  std::array<char*, 3> arguments{const_cast<char*>("gnuplot"), const_cast<char*>(script_name), nullptr};
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, "gnuplot", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    errno = error;
    return -1;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace

Result<void> find_gnuplot() {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    if (::access((fs::path(folder) / "gnuplot").c_str(), X_OK) == 0) return {};
  }
  return failure(ErrorKind::usage, "--plots draws with gnuplot, which is not installed",
                 "install it (Debian: gnuplot-nox), or leave --plots out");
}

Result<void> draw(const fs::path& folder, std::string_view script) {
  if (auto written = write_file_atomically(folder / script_name, script); !written)
    return failure(written.error());
  const int status = run_in(folder);
  if (status == 0) return {};
  return failure(ErrorKind::runtime,
                 status < 0 ? std::string("gnuplot did not run: ") + std::strerror(errno)
                            : "gnuplot failed with exit code " + std::to_string(status),
                 "see what it says of " + (folder / script_name).string());
}

}  // namespace batchfit
