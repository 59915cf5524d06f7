#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "facts/evidence.h"
#include "facts/json.h"
#include "facts/workload.h"

namespace batchfit {

/// What a worker said of a request.
struct Stamp {
  Subject subject;
  std::vector<std::string> notes;  ///< lines for people
};

/// The folder of a cache's journals and stamps, from its summary's path: ".d" for ".json", or added.
std::filesystem::path cache_folder(const std::filesystem::path& summary);

/// Remembers what was measured (docs/cache.md): journals that are the truth, a summary for people, stamps of
/// workers.
///
/// It never stops a run: what cannot be read is set aside, what cannot be written is left unwritten, each
/// with one warning, and the answer still comes.
class Cache {
 public:
  using Warn = std::function<void(const std::string&)>;

  /// A holder keeps the lock for the milliseconds of one write; ten seconds mean that something is wrong.
  static constexpr Seconds lock_patience = 10;

  /// `path` is the summary's; nullopt: remember nothing (--no-cache).
  Cache(std::optional<std::filesystem::path> path, Warn warn, Seconds patience = lock_patience);

  /// All records of the subject. A damaged or foreign journal is set aside, its readable records kept.
  Evidence load(const Subject& subject);

  /// On the disk when this returns.
  void append(const Subject& subject, const Record& record);

  /// Forgets what was measured of the subject: its journal is set aside, or no longer read where that cannot
  /// be done (--refresh).
  void refresh(const Subject& subject);

  /// Rewrites the summary with the subject's entry made from its journal; nothing where there is no journal.
  void summarize(const Subject& subject);

  /// What a worker said of this request the last time. `request` holds all that decides it: the request
  /// itself, the worker's files, the device.
  std::optional<Stamp> stamped(const Json& request) const;
  void stamp(const Json& request, const Stamp& stamp);

  /// The summary: read, or made from the journals where it is missing or damaged.
  Json summary() const;

  /// Removes all of it.
  Result<void> clear();

  const std::optional<std::filesystem::path>& path() const { return path_; }

 private:
  std::filesystem::path folder() const { return cache_folder(*path_); }
  std::filesystem::path journal_path(const Subject& subject) const;
  std::filesystem::path stamp_path(const Json& request) const;
  bool looks_whole() const;
  Result<Json> read_summary() const;
  Json summary_of_journals() const;
  /// The summary to build upon; a damaged or foreign one is set aside. Call it under the lock.
  Result<Json> mended_summary();
  /// Sets a damaged journal aside and starts a new one from the records that can be read.
  void mend(const std::filesystem::path& journal, const Subject& subject);
  /// Runs a write under the lock; warns once and stops writing for good where it fails.
  void write(const std::function<Result<void>()>& action);

  std::optional<std::filesystem::path> path_;
  Warn warn_;
  Seconds patience_;
  bool writable_ = true;
  std::set<std::string> forgotten_;  ///< keys whose journal is there and must not be read
};

}  // namespace batchfit
