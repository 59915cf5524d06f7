#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace batchfit {

/// The whole file. runtime error where it cannot be read (a missing file included).
Result<std::string> read_file(const std::filesystem::path& path);

/// Replaces the file atomically: a temporary file beside it, fsync, rename, fsync of the folder. After a
/// crash the path holds either the old bytes or the new ones. Missing folders are made.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Appends the lines (each ends with \n) and fsyncs them. The file is made if missing. A torn last line,
/// which a crash left without its \n, is cut first; when the disk is full the file keeps the bytes it had.
/// Callers hold a lock.
Result<void> append_lines_durably(const std::filesystem::path& path, std::string_view lines);

/// Renames a damaged or foreign file to `NAME.set-aside-N` with the first free N and returns the new path.
Result<std::filesystem::path> set_aside(const std::filesystem::path& path);

}  // namespace batchfit
