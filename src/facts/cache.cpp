#include "facts/cache.h"

#define XXH_INLINE_ALL
#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>

#include "base/file.h"
#include "facts/fields.h"
#include "facts/journal.h"
#include "facts/lock.h"
#include "facts/summary.h"

namespace batchfit {
namespace fs = std::filesystem;
namespace {

// A holder keeps the lock for the milliseconds of one write; ten seconds mean that something is wrong.
constexpr Seconds lock_patience = 10;

}  // namespace

Cache::Cache(std::optional<fs::path> path, Warn warn) : path_(std::move(path)), warn_(std::move(warn)) {
  // A run reads its journal, not the summary; a glance tells a damaged or foreign one early, unparsed.
  if (path_ && fs::exists(*path_) && !looks_whole()) read_summary();
}

bool Cache::looks_whole() const {
  const auto bytes = read_file(*path_);
  const std::string empty = print_summary(empty_summary());
  const std::string_view head = std::string_view(empty).substr(0, empty.rfind('['));
  return bytes && std::string_view(*bytes).starts_with(head) && std::string_view(*bytes).ends_with("]}\n");
}

fs::path Cache::folder() const { return fs::path(*path_).replace_extension(".d"); }

fs::path Cache::journal_path(const Subject& subject) const { return folder() / journal_name(subject); }

fs::path Cache::stamp_path(const Json& request) const {
  const std::string canonical = dump_json(request);
  return folder() / "stamps" / fmt::format("{:016x}.json", XXH3_64bits(canonical.data(), canonical.size()));
}

void Cache::write(const std::function<Result<void>()>& action) {
  if (!path_ || !writable_) return;
  const auto lock = FileLock::acquire(folder() / "lock", lock_patience);
  const Result<void> done = lock ? action() : Result<void>(failure(lock.error()));
  if (done) return;
  writable_ = false;
  warn_("the cache is not written: " + done.error().text());
}

void Cache::mend(const fs::path& journal, const Subject& subject, const Evidence& evidence) {
  write([&]() -> Result<void> {
    const auto aside = set_aside(journal);
    if (!aside) return failure(aside.error());
    warn_("the journal " + journal.string() + " is damaged; it was set aside as " +
          aside->filename().string());
    if (evidence.empty()) return {};
    std::string lines = journal_header(subject);
    for (const Record& record : evidence.records()) lines += journal_line(record);
    return write_file_atomically(journal, lines);
  });
}

Evidence Cache::load(const Subject& subject) {
  if (!path_) return {};
  const fs::path journal = journal_path(subject);
  if (!fs::exists(journal)) return {};
  auto content = read_journal(journal);
  // A file that is there and cannot be opened says nothing of its content: leave it alone.
  if (!content && content.error().kind != ErrorKind::corrupt) {
    warn_("the journal is not used: " + content.error().text());
    return {};
  }
  if (!content || content->subject != subject) {
    mend(journal, subject, {});
    return {};
  }
  if (!content->damaged.empty()) mend(journal, subject, content->evidence);
  return std::move(content->evidence);
}

void Cache::append(const Subject& subject, const Record& record) {
  write([&]() -> Result<void> {
    const fs::path journal = journal_path(subject);
    std::error_code error;
    const bool is_new = fs::file_size(journal, error) == 0 || error;
    return append_lines_durably(journal, (is_new ? journal_header(subject) : "") + journal_line(record));
  });
}

void Cache::refresh(const Subject& subject) {
  if (!path_ || !fs::exists(journal_path(subject))) return;
  write([&]() -> Result<void> {
    const auto aside = set_aside(journal_path(subject));
    return aside ? Result<void>() : failure(aside.error());
  });
}

std::optional<Json> Cache::read_summary() {
  if (!fs::exists(*path_)) return std::nullopt;
  const auto bytes = read_file(*path_);
  if (!bytes) {
    warn_("the cache's summary is not used: " + bytes.error().text());
    return std::nullopt;
  }
  auto json = parse_json(*bytes);
  const Result<void> checked = json ? check_summary(*json) : Result<void>(failure(json.error()));
  if (checked) return std::move(*json);
  const auto aside = set_aside(*path_);
  warn_("the cache " + path_->string() + " is damaged or foreign (" + checked.error().message + "); " +
        (aside ? "it was set aside as " + aside->filename().string() : aside.error().message));
  return std::nullopt;
}

Json Cache::summary_of_journals() {
  Json summary = empty_summary();
  std::error_code error;
  std::vector<fs::path> journals;
  for (const auto& entry : fs::directory_iterator(folder(), error)) {
    if (entry.path().extension() == ".jsonl") journals.push_back(entry.path());
  }
  std::sort(journals.begin(), journals.end());
  for (const fs::path& journal : journals) {
    if (const auto content = read_journal(journal))
      put_into_summary(summary, content->subject, content->evidence);
  }
  return summary;
}

Json Cache::summary() {
  if (!path_) return empty_summary();
  auto summary = read_summary();
  return summary ? std::move(*summary) : summary_of_journals();
}

void Cache::summarize(const Subject& subject) {
  write([&]() -> Result<void> {
    // From the journal, not from what this run knows: another run may have added to it.
    const auto content = read_journal(journal_path(subject));
    if (!content) return failure(content.error());
    Json all = summary();
    put_into_summary(all, subject, content->evidence);
    return write_file_atomically(*path_, print_summary(all));
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
  std::error_code error;
  fs::remove(*path_, error);
  if (!error) fs::remove_all(folder(), error);
  if (error) return failure(ErrorKind::runtime, "cannot remove " + path_->string() + ": " + error.message());
  return {};
}

}  // namespace batchfit
