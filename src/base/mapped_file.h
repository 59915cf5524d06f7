#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "base/error.h"

namespace batchfit {

/// A whole file mapped for reading. What reads it must not be shared with one who shortens the file
/// meanwhile: touching what is gone ends the process.
class MappedFile {
 public:
  /// usage error where there is no such regular file or it cannot be read.
  static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

  /// Gives the memory of the first `size` bytes back; they are read from the file again where they are
  /// needed.
  void release(std::size_t size) const;

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

}  // namespace batchfit
