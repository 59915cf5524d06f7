#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace batchfit {

/// Cuts a stream of bytes into lines. A line longer than the limit is never kept: it makes the stream
/// `overlong`.
class LineCutter {
 public:
  explicit LineCutter(std::size_t limit) : limit_(limit) {}

  void add(std::string_view bytes) { pending_.append(bytes); }

  /// The next whole line without its '\n'; nullopt where none has ended yet, or where the stream is overlong.
  std::optional<std::string> next();

  /// A line is over the limit, ended or not: nothing after it can be trusted.
  bool overlong() const { return overlong_; }

 private:
  std::size_t limit_;
  std::string pending_;
  bool overlong_ = false;
};

}  // namespace batchfit
