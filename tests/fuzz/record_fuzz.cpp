#include "facts/json.h"
#include "fuzz.h"

using namespace batchfit;

// Any bytes are a record or an error; and a record equals what is read of its own JSON.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto json = parse_json(text_of(data, size));
  if (!json) return 0;
  const auto record = record_from_json(*json);
  if (!record) return 0;
  const auto printed = parse_json(dump_json(to_json(*record)));
  promise(printed.has_value(), "a record prints as JSON");
  const auto again = record_from_json(*printed);
  promise(again.has_value() && *again == *record, "a record survives the journal");
  return 0;
}
