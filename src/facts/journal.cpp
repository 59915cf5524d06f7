#include "facts/journal.h"

#include <cctype>

#include "base/file.h"
#include "facts/fields.h"

namespace batchfit {
namespace {

constexpr std::int64_t journal_version = 1;
constexpr std::string_view journal_format = "batchfit-journal";
constexpr std::size_t longest_name = 60;  // of the part for people: file names stay well within 255 bytes

Result<Subject> read_header(std::string_view line) {
  auto json = parse_json(line);
  if (!json) return failure(ErrorKind::corrupt, "its header is not JSON");
  std::string format;
  std::int64_t version = 0;
  Fields fields(*json, "its header");
  fields.required("format", format);
  fields.required("version", version);
  if (auto checked = fields.finish(0); !checked) return failure(checked.error());
  if (format != journal_format || version != journal_version) {
    return failure(ErrorKind::corrupt, "it is '" + format + "' version " + std::to_string(version) +
                                           ", not " + std::string(journal_format) + " version " +
                                           std::to_string(journal_version));
  }
  const Json* subject = fields.find("subject");
  return subject_from_json(subject == nullptr ? Json() : *subject);
}

}  // namespace

Result<JournalContent> parse_journal(std::string_view bytes) {
  JournalContent content;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const std::size_t newline = rest.find('\n');
    if (newline == std::string_view::npos) {
      content.torn = true;
      break;
    }
    const std::string_view line = rest.substr(0, newline);
    rest.remove_prefix(newline + 1);
    if (!content.subject) {
      auto subject = read_header(line);
      if (!subject) return failure(subject.error());
      content.subject = std::move(*subject);
      continue;
    }
    auto json = parse_json(line);
    auto record = json ? record_from_json(*json) : Result<Record>(failure(json.error()));
    if (record) {
      content.evidence.add(std::move(*record));
    } else {
      content.damaged.push_back(record.error().message);
    }
  }
  return content;
}

Result<JournalContent> read_journal(const std::filesystem::path& path) {
  const auto bytes = read_file(path);
  if (!bytes) return failure(bytes.error());
  auto content = parse_journal(*bytes);
  if (!content) return failure(ErrorKind::corrupt, path.string() + ": " + content.error().message);
  return content;
}

std::string journal_header(const Subject& subject) {
  return dump_json(
             {{"format", journal_format}, {"version", journal_version}, {"subject", to_json(subject)}}) +
         "\n";
}

std::string journal_line(const Record& record) { return dump_json(to_json(record)) + "\n"; }

std::string journal_name(const Subject& subject) {
  const Workload& workload = subject.workload;
  std::string name;
  for (const char c : workload.model + "-" + workload.dtype + "-" + std::string(name_of(workload.timing))) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
    name.push_back(plain ? c : '_');
  }
  if (name.size() > longest_name) name.resize(longest_name);
  return name + "-" + key_of(subject) + ".jsonl";
}

}  // namespace batchfit
