#pragma once

#include <filesystem>

#include "tune/suite.h"

namespace batchfit {

/// What a cache knows, as a run: each of its workloads, answered for the goal from its journal as it is. No
/// worker is started and nothing is written; a damaged line of a journal is left out. What others hold is
/// what was last seen. `path` is the summary's. Errors as read_file's; corrupt where a journal is of another
/// version.
Result<TuneRun> run_of_cache(const std::filesystem::path& path, const TuneGoal& goal);

/// Whether the file is the summary of a cache; false where it cannot be read, too.
bool is_cache(const std::filesystem::path& path);

}  // namespace batchfit
