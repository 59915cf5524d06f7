#include "common/lines.h"

namespace batchfit {

std::optional<std::string> LineCutter::next() {
  const std::size_t end = pending_.find('\n');
  overlong_ = overlong_ || (end == std::string::npos ? pending_.size() : end) > limit_;
  if (overlong_ || end == std::string::npos) return std::nullopt;
  std::string line = pending_.substr(0, end);
  pending_.erase(0, end + 1);
  return line;
}

}  // namespace batchfit
