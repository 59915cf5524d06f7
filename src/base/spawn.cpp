#include "base/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>  // environ, among others

#include <algorithm>

namespace batchfit {

int spawn(const std::string& program, std::vector<std::string> words, const StandardStreams& streams,
          bool own_group, pid_t& pid) {
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  const auto redirect = [&files](int from, int to, int flags) {
    if (from >= 0) {
      ::posix_spawn_file_actions_adddup2(&files, from, to);
    } else {
      ::posix_spawn_file_actions_addopen(&files, to, "/dev/null", flags, 0);
    }
  };
  redirect(streams.in, STDIN_FILENO, O_RDONLY);
  redirect(streams.out, STDOUT_FILENO, O_WRONLY);
  redirect(streams.err, STDERR_FILENO, O_WRONLY);

  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  const int group = own_group ? POSIX_SPAWN_SETPGROUP : 0;
  ::posix_spawnattr_setflags(&attributes,
                             static_cast<short>(group | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));

  std::vector<char*> argv(words.size() + 1, nullptr);
  std::transform(words.begin(), words.end(), argv.begin(), [](std::string& word) { return word.data(); });
  const int error = ::posix_spawnp(&pid, program.c_str(), &files, &attributes, argv.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  return error;
}

}  // namespace batchfit
