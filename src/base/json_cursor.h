#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace batchfit {

/// Reads JSON text from front to back without building a tree: a result file may be hundreds of megabytes of
/// which a report needs a part. Each call consumes one value. The first thing that is not as asked for stops
/// it: after that every call does nothing, so that a reader is a list of calls and one look at error().
class JsonCursor {
 public:
  /// The text must outlive it.
  explicit JsonCursor(std::string_view text) : text_(text) {}

  /// Calls `read` with each key; it must consume the value.
  template <class Read>
  void object(Read read) {
    if (!enter('{')) return;
    for (bool first = true; next_in('}', first); first = false) {
      const std::string key = string();
      if (!expect(':')) return;
      read(std::string_view(key));
    }
  }

  /// Calls `read` for each element; it must consume it.
  template <class Read>
  void array(Read read) {
    if (!enter('[')) return;
    for (bool first = true; next_in(']', first); first = false) read();
  }

  std::string string();
  double number();         ///< finite
  std::int64_t integer();  ///< 0 or more
  bool boolean();

  /// Passes over one value, whatever it is, and returns its text. Looks at brackets and strings only.
  std::string_view raw();

  /// Nothing but white space is left.
  void end();

  void fail(const std::string& why);
  bool failed() const { return error_.has_value(); }
  /// What went wrong, with the byte where it was noticed; absent: nothing did.
  const std::optional<std::string>& error() const { return error_; }
  std::size_t position() const { return at_; }

 private:
  char peek();
  bool enter(char open);
  bool next_in(char close, bool first);
  bool expect(char c);
  std::string_view word();
  std::string_view quoted();
  std::string unescaped(std::string_view escaped);

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<std::string> error_;
};

}  // namespace batchfit
