#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "base/error.h"

namespace batchfit {

/// A whole file, mapped for reading. Who shortens it meanwhile ends the process.
class MappedText {
 public:
  /// usage error where there is no such regular file or it cannot be read.
  static Result<std::shared_ptr<const MappedText>> open(const std::filesystem::path& path);

  MappedText(const MappedText&) = delete;
  MappedText& operator=(const MappedText&) = delete;
  ~MappedText();

  std::string_view text() const { return text_; }

  /// Gives the memory of the first `bytes` back; they are read from the file again where they are needed.
  void release(std::size_t bytes) const;

 private:
  explicit MappedText(std::string_view text) : text_(text) {}
  std::string_view text_;
};

}  // namespace batchfit
