#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace batchfit {

/// Whether the descriptor is a terminal that understands escape sequences: TERM=dumb, or no TERM, says it
/// does not.
inline bool rewritable_terminal(int descriptor) {
  const char* term = std::getenv("TERM");
  return ::isatty(descriptor) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

/// Columns of the terminal that stdout is; 100 where it is none.
inline int terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 100;
}

/// Whether stdout is to be in colour.
inline bool colour_wanted() {
  return rewritable_terminal(STDOUT_FILENO) && std::getenv("NO_COLOR") == nullptr;
}

}  // namespace batchfit
