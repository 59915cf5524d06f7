#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "files/bytes.h"

namespace batchfit::files {

/// The entries of a zip archive by name: views into it. Only stored entries have bytes here; torch compresses
/// nothing, so that its tensors can be mapped.
struct ZipEntry {
  ByteSpan bytes;
  bool readable = true;  ///< false: compressed or encrypted
};
using ZipEntries = std::unordered_map<std::string_view, ZipEntry>;

/// Reads the central directory, with its 64-bit forms (PKWARE's APPNOTE.TXT, 4.3 to 4.5). corrupt error where
/// the archive is truncated, an entry lies outside it or a name comes twice.
Result<ZipEntries> read_zip(ByteSpan archive);

}  // namespace batchfit::files
