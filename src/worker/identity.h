#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "facts/json.h"

namespace batchfit {

/// Which file stood at a path, without reading it.
struct FileIdentity {
  std::string path;  ///< absolute
  Bytes size = 0;
  std::int64_t mtime_ns = 0;  ///< since the epoch
  std::uint64_t inode = 0;

  bool operator==(const FileIdentity&) const = default;
};

/// What a worker command stands for on this machine now: as long as it is the same, what the worker said last
/// time still holds, and a cached answer needs no worker.
struct WorkerIdentity {
  std::string command;
  std::vector<FileIdentity> files;  ///< that the command names, in its order
  std::map<std::string, std::string>
      variables;  ///< of the environment, those that may change facts and are set

  bool operator==(const WorkerIdentity&) const = default;
};

/// Looks at the command's words: the program (through PATH), and each word, or the part of it before a last
/// ':'
/// ("my_model.py:load"), that is an existing file. NAME=VALUE words before the program are part of `command`
/// alone. What a script imports is not seen. Never fails: a word that is no file is passed over.
WorkerIdentity identify(const std::string& command);

/// The regular file at a path; nothing where there is none.
std::optional<FileIdentity> identify_file(const std::string& path);

/// The same of a path that may also be a folder, such as a model's: of each regular file in it, by name.
std::vector<FileIdentity> identify_files(const std::string& path);

/// Keys sorted, so that its text can be compared and hashed.
Json to_json(const WorkerIdentity& identity);
Json to_json(const FileIdentity& file);

/// The words of a command line, with the shell's quotes and backslashes taken off; nothing is expanded.
std::vector<std::string> command_words(const std::string& command);

}  // namespace batchfit
