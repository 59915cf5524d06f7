#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace batchfit {

/// Whether something has this name. What cannot be looked at counts as there: opening it tells why. Never
/// throws.
bool file_exists(const std::filesystem::path& path);

/// The whole file. runtime error where it cannot be read (a missing file included).
Result<std::string> read_file(const std::filesystem::path& path);

/// Replaces the file atomically: a temporary file beside it, fsync, rename, fsync of the folder. After a
/// crash the path holds either the old bytes or the new ones. Missing folders are made.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Appends the lines (each ends with \n) and fsyncs them. The file is made if missing. A torn last line,
/// which a crash left without its \n, is cut first; where nothing is left then, the header line goes before
/// the others. When the disk is full the file keeps the bytes it had. Callers hold a lock.
Result<void> append_lines_durably(const std::filesystem::path& path, std::string_view lines,
                                  std::string_view header = {});

/// Renames a damaged or foreign file to `NAME.set-aside-N` with the first free N and returns the new path.
Result<std::filesystem::path> set_aside(const std::filesystem::path& path);

/// Like set_aside, but the file stays where it is until its owner replaces it: the new name is a copy.
Result<std::filesystem::path> copy_aside(const std::filesystem::path& path);

}  // namespace batchfit
