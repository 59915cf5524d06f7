#include "facts/summary.h"
#include "fuzz.h"

using namespace batchfit;

// Any bytes are a summary or an error; and an entry can be put into any summary, which then prints as one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto summary = parse_json(text_of(data, size));
  if (!summary || !check_summary(*summary)) return 0;
  Observation observation;
  observation.samples = {0.001};
  Evidence evidence;
  evidence.add(observation);
  put_into_summary(*summary, Subject{}, evidence);
  const auto printed = parse_json(print_summary(*summary));
  promise(printed.has_value() && check_summary(*printed).has_value(), "a summary prints as a summary");
  return 0;
}
