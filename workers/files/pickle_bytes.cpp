#include "files/pickle_bytes.h"

#include <fmt/core.h>

namespace batchfit::files {

void PickleBytes::fail(const std::string& why) {
  if (error_) return;
  error_ = Error{ErrorKind::corrupt, fmt::format("the pickle {} (at byte {})", why, at_),
                 "the file may be damaged: copy it again, or save the tensors anew"};
}

ByteSpan PickleBytes::read(std::uint64_t size) {
  const auto part = part_of(bytes_, at_, size);
  if (error_ || !part) {
    fail("ends in the middle");
    return {};
  }
  at_ += static_cast<std::size_t>(size);
  return *part;
}

std::string_view PickleBytes::read_line() {
  const std::string_view rest = text_of(bytes_).substr(at_);
  const std::size_t end = rest.find('\n');
  if (error_ || end == std::string_view::npos) {
    fail("ends in the middle of a line");
    return {};
  }
  at_ += end + 1;
  return rest.substr(0, end);
}

}  // namespace batchfit::files
