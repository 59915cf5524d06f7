#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "base/error.h"

namespace batchfit::files {

using ByteSpan = std::span<const std::byte>;

/// A whole file mapped for reading. What reads it must not be shared with one who shortens the file
/// meanwhile: touching what is gone ends the process.
class MappedFile {
 public:
  /// usage error where there is no such regular file or it cannot be read.
  static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  ByteSpan bytes() const { return bytes_; }

 private:
  explicit MappedFile(ByteSpan bytes) : bytes_(bytes) {}
  ByteSpan bytes_;
};

}  // namespace batchfit::files
