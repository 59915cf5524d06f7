#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "facts/evidence.h"
#include "facts/json.h"

namespace batchfit {

/// What a journal holds (docs/cache.md, The journal).
struct JournalContent {
  std::optional<Subject> subject;  ///< absent where a crash came before the header was whole: nothing is lost
  Evidence evidence;
  bool torn = false;                 ///< the last line had no \n and was left out
  std::vector<std::string> damaged;  ///< lines that could not be read, each with why; left out too
};

/// Reads a journal's bytes. corrupt error where they are of another format or version; damaged lines are no
/// error.
Result<JournalContent> parse_journal(std::string_view bytes);

/// Reads a journal's file, likewise; runtime error where it cannot be opened.
Result<JournalContent> read_journal(const std::filesystem::path& path);

/// The header line of a subject's journal, \n included.
std::string journal_header(const Subject& subject);

/// The line of a record, \n included.
std::string journal_line(const Record& record);

/// "resnet50-fp16-graph-3f0c….jsonl": for people, made unique by the key.
std::string journal_name(const Subject& subject);

}  // namespace batchfit
