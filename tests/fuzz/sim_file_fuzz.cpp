#include "fuzz.h"
#include "sim/device.h"
#include "sim/simulator.h"
#include "sim/truth.h"

using namespace batchfit;

// Any bytes are a device or an error; and a device can be measured at any batch, its memory as the truth
// says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto json = parse_json(text_of(data, size));
  if (!json) return 0;
  const auto device = sim::device_from_json(*json);
  if (!device || device->program.size() > 100) return 0;  // the truth is slow on long programs
  for (const Batch batch : {Batch{1}, Batch{7}, sim::largest_batch}) {
    const auto seen = sim::measure(*device, Timing::eager, batch, {});
    // One that released its cache at the device's limit took less than it would have.
    if (seen.outcome != Outcome::measured || seen.alloc_retries.value_or(0) > 0) continue;
    promise(seen.memory.own() == sim::true_own_memory(*device, batch), "memory is as the truth says");
  }
  return 0;
}
