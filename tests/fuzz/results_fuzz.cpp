#include "fuzz.h"
#include "report/report_document.h"
#include "report/results_reader.h"

using namespace batchfit;

// Any bytes are a result file or an error; and what was read is written and read again the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(text_of(data, size));
  auto run = parse_results(text, "results.json");
  if (!run) return 0;
  const ReportDocument document{{{"results.json", std::move(*run)}}, "", {}};
  const std::string written = export_json(document);
  const auto again = parse_results(written, "again.json");
  promise(again.has_value(), "a report is written so that it can be read");
  promise(export_json(ReportDocument{{{"again.json", *again}}, "", {}}) == written,
          "reading and writing change nothing");
  promise(!export_markdown(document).empty(), "a report can be rendered");
  return 0;
}
