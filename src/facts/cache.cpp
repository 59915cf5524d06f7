#include "facts/cache.h"

#define XXH_INLINE_ALL
#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>
#include <fstream>

#include "base/file.h"
#include "facts/fields.h"
#include "facts/journal.h"
#include "facts/lock.h"
#include "facts/summary.h"

namespace batchfit {
namespace fs = std::filesystem;
namespace {

bool is_of(const JournalContent& content, const Subject& subject) {
  // By their JSON, as the key is: what it cannot hold (a byte that is no UTF-8) must not tell them apart.
  return content.subject && dump_json(to_json(*content.subject)) == dump_json(to_json(subject));
}

/// Whether the journal must be set aside. One that cannot be opened says nothing of its content: it is left
/// alone.
bool is_damaged(const Result<JournalContent>& content, const Subject& subject) {
  if (!content) return content.error().kind == ErrorKind::corrupt;
  return content->subject && (!is_of(*content, subject) || !content->damaged.empty());
}

}  // namespace

Cache::Cache(std::optional<fs::path> path, Warn warn, Seconds patience)
    : path_(std::move(path)), warn_(std::move(warn)), patience_(patience) {
  // A run reads its journal, not the summary; a glance tells a damaged or foreign one early without parsing
  // it all.
  if (!path_ || looks_whole()) return;
  write([&]() -> Result<void> {
    const auto mended = mended_summary();
    if (!mended) return failure(mended.error());
    return write_file_atomically(*path_, print_summary(*mended));
  });
}

bool Cache::looks_whole() const {
  std::ifstream file(*path_, std::ios::binary);
  if (!file) return true;  // none yet, or one that cannot be read: nothing to set aside
  const std::string empty = print_summary(empty_summary());
  const std::string_view tail = "]}\n";
  std::string head(empty.rfind('['), '\0');
  std::string end(tail.size(), '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  file.seekg(-static_cast<std::streamoff>(tail.size()), std::ios::end);
  file.read(end.data(), static_cast<std::streamsize>(end.size()));
  return file && empty.starts_with(head) && end == tail;
}

fs::path cache_folder(const fs::path& summary) {
  // Only .json is replaced: "results.d" must not be its own folder, nor "a.x" and "a.y" share one.
  const fs::path stem = summary.extension() == ".json" ? fs::path(summary).replace_extension() : summary;
  return stem.string() + ".d";
}

fs::path Cache::journal_path(const Subject& subject) const { return folder() / journal_name(subject); }

fs::path Cache::stamp_path(const Json& request) const {
  const std::string canonical = dump_json(request);
  return folder() / "stamps" / fmt::format("{:016x}.json", XXH3_64bits(canonical.data(), canonical.size()));
}

void Cache::write(const std::function<Result<void>()>& action) {
  if (!path_ || !writable_) return;
  const auto lock = FileLock::acquire(folder() / "lock", patience_);
  const Result<void> done = lock ? action() : Result<void>(failure(lock.error()));
  if (done) return;
  writable_ = false;
  warn_("the cache is not written: " + done.error().text());
}

void Cache::mend(const fs::path& journal, const Subject& subject) {
  write([&]() -> Result<void> {
    // Read again: before the lock was ours, another run may have mended it or added to it.
    const auto content = read_journal(journal);
    if (!is_damaged(content, subject)) return {};
    const bool salvage = content && is_of(*content, subject) && !content->evidence.empty();
    // Records that can be read stay where they are until the new journal replaces them, whenever a crash
    // comes.
    const auto aside = salvage ? copy_aside(journal) : set_aside(journal);
    if (!aside) return failure(aside.error());
    warn_("the journal " + journal.string() + " is damaged; it was set aside as " +
          aside->filename().string());
    if (!salvage) return {};
    std::string lines = journal_header(subject);
    for (const Record& record : content->evidence.records()) lines += journal_line(record);
    return write_file_atomically(journal, lines);
  });
}

Evidence Cache::load(const Subject& subject) {
  if (!path_ || forgotten_.contains(key_of(subject))) return {};
  const fs::path journal = journal_path(subject);
  if (!file_exists(journal)) return {};
  auto content = read_journal(journal);
  if (is_damaged(content, subject)) {
    mend(journal, subject);
  } else if (!content) {
    warn_("the journal is not used: " + content.error().text());
  }
  return content && is_of(*content, subject) ? std::move(content->evidence) : Evidence{};
}

void Cache::append(const Subject& subject, const Record& record) {
  write([&] {
    return append_lines_durably(journal_path(subject), journal_line(record), journal_header(subject));
  });
}

void Cache::refresh(const Subject& subject) {
  if (!path_ || !file_exists(journal_path(subject))) return;
  write([&]() -> Result<void> {
    const auto aside = set_aside(journal_path(subject));
    return aside ? Result<void>() : failure(aside.error());
  });
  if (!writable_) forgotten_.insert(key_of(subject));
}

Result<Json> Cache::read_summary() const {
  const auto bytes = read_file(*path_);
  if (!bytes) return failure(bytes.error());
  auto json = parse_json(*bytes);
  if (!json) return failure(json.error());
  if (auto checked = check_summary(*json); !checked) return failure(checked.error());
  return json;
}

Result<Json> Cache::mended_summary() {
  auto summary = read_summary();
  if (summary || !file_exists(*path_)) return summary ? std::move(summary) : summary_of_journals();
  if (summary.error().kind != ErrorKind::corrupt) return failure(summary.error());
  const auto aside = set_aside(*path_);
  if (!aside) return failure(aside.error());
  warn_("the cache " + path_->string() + " is damaged or foreign (" + summary.error().message +
        "); it was set aside as " + aside->filename().string());
  return summary_of_journals();
}

Json Cache::summary_of_journals() const {
  Json summary = empty_summary();
  std::error_code error;
  std::vector<fs::path> journals;
  for (fs::directory_iterator entry(folder(), error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".jsonl") journals.push_back(entry->path());
  }
  std::sort(journals.begin(), journals.end());
  for (const fs::path& journal : journals) {
    const auto content = read_journal(journal);
    if (content && content->subject) put_into_summary(summary, *content->subject, content->evidence);
  }
  return summary;
}

Json Cache::summary() const {
  if (!path_) return empty_summary();
  auto summary = read_summary();
  return summary ? std::move(*summary) : summary_of_journals();
}

void Cache::summarize(const Subject& subject) {
  if (!path_ || !file_exists(journal_path(subject))) return;
  write([&]() -> Result<void> {
    // From the journal, not from what this run knows: another run may have added to it.
    const auto content = read_journal(journal_path(subject));
    if (!content) return failure(content.error());
    auto summary = mended_summary();
    if (!summary) return failure(summary.error());
    put_into_summary(*summary, subject, content->evidence);
    return write_file_atomically(*path_, print_summary(*summary));
  });
}

std::optional<Stamp> Cache::stamped(const Json& request) const {
  if (!path_) return std::nullopt;
  const auto bytes = read_file(stamp_path(request));
  if (!bytes) return std::nullopt;
  const auto json = parse_json(*bytes);
  if (!json) return std::nullopt;
  Stamp stamp;
  Json of_request;
  Fields fields(*json, "stamp");
  fields.maybe("notes", stamp.notes);
  if (const Json* found = fields.find("request")) of_request = *found;
  fields.nested(subject_from_json(json->is_object() ? json->value("subject", Json()) : Json()),
                stamp.subject);
  // The request is stored beside the subject, so that two requests with one hash are told apart.
  if (!fields.finish(0) || of_request != request) return std::nullopt;
  return stamp;
}

void Cache::stamp(const Json& request, const Stamp& stamp) {
  write([&] {
    const Json json = {{"request", request}, {"subject", to_json(stamp.subject)}, {"notes", stamp.notes}};
    return write_file_atomically(stamp_path(request), dump_json(json) + "\n");
  });
}

Result<void> Cache::clear() {
  if (!path_) return {};
  const auto lock = FileLock::acquire(folder() / "lock", patience_);
  if (!lock) return failure(lock.error());
  std::error_code error;
  fs::remove(*path_, error);
  if (!error) fs::remove_all(folder(), error);
  if (error) return failure(ErrorKind::runtime, "cannot remove " + path_->string() + ": " + error.message());
  return {};
}

}  // namespace batchfit
