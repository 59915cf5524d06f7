#include "facts/journal.h"
#include "fuzz.h"

using namespace batchfit;

// Any bytes are a journal or an error; and what was read is read again from what is written of it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto content = parse_journal(text_of(data, size));
  if (!content || !content->subject) return 0;
  std::string mended = journal_header(*content->subject);
  for (const Record& record : content->evidence.records()) mended += journal_line(record);
  const auto again = parse_journal(mended);
  promise(again.has_value(), "a mended journal is a journal");
  promise(!again->torn && again->damaged.empty(), "a mended journal is whole");
  promise(again->subject == content->subject, "a mended journal keeps its subject");
  promise(journal_name(*again->subject) == journal_name(*content->subject),
          "a mended journal keeps its name");
  promise(again->evidence.records().size() == content->evidence.records().size(),
          "a mended journal keeps its records");
  return 0;
}
