#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace batchfit {

/// What a program finds as its standard streams; -1: /dev/null.
struct StandardStreams {
  int in = -1, out = -1, err = -1;
};

/// Starts a program (looked for on PATH where its name has no slash) with these words, default signal
/// handling and nothing blocked. `own_group`: in a process group of its own. 0 and its number, or errno's
/// value.
int spawn(const std::string& program, std::vector<std::string> words, const StandardStreams& streams,
          bool own_group, pid_t& pid);

}  // namespace batchfit
