#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "files/bytes.h"

namespace batchfit::files {

/// The bytes of a pickle, read from front to back. The first error stays; after it every read gives zeros, so
/// that an operation reads as the list of what it does.
class PickleBytes {
 public:
  explicit PickleBytes(ByteSpan bytes) : bytes_(bytes) {}

  std::size_t position() const { return at_; }
  const std::optional<Error>& error() const { return error_; }
  void fail(const std::string& why);  ///< `why` continues "the pickle …"

  ByteSpan read(std::uint64_t size);
  std::string_view read_line();  ///< without its end

  template <class T>
  T read_number() {
    return number_at<T>(read(sizeof(T)), 0).value_or(T{});
  }
  /// A length, then as many bytes.
  template <class Length>
  std::string_view read_text() {
    return text_of(read(read_number<Length>()));
  }

 private:
  ByteSpan bytes_;
  std::size_t at_ = 0;
  std::optional<Error> error_;
};

}  // namespace batchfit::files
