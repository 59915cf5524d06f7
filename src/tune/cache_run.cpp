#include "tune/cache_run.h"

#include <algorithm>

#include "base/json_cursor.h"
#include "base/mapped_file.h"
#include "facts/journal.h"

namespace batchfit {
namespace fs = std::filesystem;
namespace {

/// When the last of it was measured; 0 where nothing says so.
double last_moment(const Evidence& evidence) {
  double last = 0;
  for (const Record& record : evidence.records()) {
    if (const auto* seen = std::get_if<Observation>(&record)) last = std::max(last, seen->started_at);
  }
  return last;
}

std::vector<fs::path> journals_of(const fs::path& summary) {
  std::vector<fs::path> journals;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(cache_folder(summary), error)) {
    if (entry.path().extension() == ".jsonl") journals.push_back(entry.path());
  }
  std::sort(journals.begin(), journals.end());
  return journals;
}

TunedWorkload answered(const Subject& subject, Evidence evidence, const TuneGoal& goal) {
  TunedWorkload out;
  out.model = subject.workload.model;
  out.subject = subject;
  out.environment = {subject.device.total_memory, others_last_seen(evidence)};
  SearchSpace space = space_of(goal, subject);
  out.answer = answer(evidence, goal.limits, out.environment, space, Done{"as the cache has it"});
  out.relaxations = relaxations(out.answer, evidence, goal.limits, out.environment, space);
  out.evidence = std::move(evidence);
  out.from_cache = true;
  return out;
}

}  // namespace

Result<TuneRun> run_of_cache(const fs::path& path, const TuneGoal& goal) {
  TuneRun out;
  out.limits = goal.limits;
  out.objective = goal.objective;
  out.strategy = "none: what the cache holds";
  const std::vector<fs::path> journals = journals_of(path);
  if (journals.empty()) {
    return failure(ErrorKind::usage,
                   path.string() + " has no journals beside it, in " + cache_folder(path).string(),
                   "copy that folder too");
  }
  for (const fs::path& journal : journals) {
    auto content = read_journal(journal);
    if (!content) return failure(content.error());
    if (!content->subject) continue;
    out.started_at = std::max(out.started_at, last_moment(content->evidence));
    out.workloads.push_back(answered(*content->subject, std::move(content->evidence), goal));
  }
  return out;
}

bool is_cache(const fs::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) return false;
  JsonCursor cursor((*file)->text());
  bool found = false;
  cursor.object([&](std::string_view key) {
    const std::string_view value = cursor.raw();
    if (key != "format") return;
    found = value == "\"batchfit-cache\"";
    cursor.fail("the rest does not matter");  // a result file may be hundreds of megabytes
  });
  return found;
}

}  // namespace batchfit
