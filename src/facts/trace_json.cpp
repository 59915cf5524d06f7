#include <limits>
#include <optional>

#include "facts/fields.h"
#include "facts/json.h"

// A trace has hundreds of events, so each is one small integer array: [block, bytes] for an allocation,
// [block] for a free. A segment is [address, small, [[bytes, block]…]].
namespace batchfit {

Json to_json(const AllocationTrace& trace) {
  Json events = Json::array();
  for (const AllocationEvent& event : trace.events) {
    if (event.is_free) {
      events.push_back({event.block});
    } else {
      events.push_back({event.block, event.bytes});
    }
  }
  Json segments = Json::array();
  for (const SegmentState& segment : trace.segments_before) {
    Json blocks = Json::array();
    for (const SegmentState::Block& block : segment.blocks) blocks.push_back({block.bytes, block.block});
    segments.push_back({segment.address, segment.small_pool ? 1 : 0, std::move(blocks)});
  }
  return {{"batch", trace.batch},
          {"timing", name_of(trace.timing)},
          {"events", std::move(events)},
          {"segments_before", std::move(segments)},
          {"reserved_before_bytes", trace.reserved_before},
          {"allocated_before_bytes", trace.allocated_before},
          {"reserved_peak_bytes", trace.reserved_peak},
          {"allocated_peak_bytes", trace.allocated_peak},
          {"started_at", trace.started_at}};
}

namespace {

/// nlohmann's get<> wraps an unsigned number beyond 2^63 - 1 silently.
std::optional<std::int64_t> integer(const Json& json) {
  if (!json.is_number_integer()) return std::nullopt;
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    return std::nullopt;
  }
  return json.get<std::int64_t>();
}

tl::unexpected<Error> misshapen(const char* what) {
  return failure(ErrorKind::corrupt, std::string("a misshapen ") + what);
}

Result<AllocationEvent> read_event(const Json& json) {
  if (!json.is_array() || json.empty() || json.size() > 2) return misshapen("event");
  const bool is_free = json.size() == 1;
  const auto block = integer(json[0]);
  const auto bytes = is_free ? 0 : integer(json[1]);
  if (!block || !bytes || *bytes < 0) return misshapen("event");
  return AllocationEvent{*bytes, *block, is_free};
}

Result<SegmentState::Block> read_block(const Json& json) {
  if (!json.is_array() || json.size() != 2) return misshapen("block");
  const auto bytes = integer(json[0]);
  const auto block = integer(json[1]);
  if (!bytes || !block || *bytes <= 0) return misshapen("block");
  return SegmentState::Block{*bytes, *block};
}

Result<SegmentState> read_segment(const Json& json) {
  if (!json.is_array() || json.size() != 3 || !json[2].is_array()) return misshapen("segment");
  const auto address = integer(json[0]);
  const auto small_pool = integer(json[1]);
  if (!address || !small_pool || (*small_pool != 0 && *small_pool != 1)) return misshapen("segment");
  SegmentState segment{*address, *small_pool == 1, {}};
  for (const Json& json_block : json[2]) {
    const auto block = read_block(json_block);
    if (!block) return failure(block.error());
    segment.blocks.push_back(*block);
  }
  return segment;
}

}  // namespace

Result<AllocationTrace> trace_from_json(const Json& json) {
  Fields fields(json, "trace");
  AllocationTrace trace;
  std::string timing;
  fields.required("batch", trace.batch);
  if (trace.batch < 1) fields.fail("'batch' is not 1 or more");
  fields.required("timing", timing);
  if (timing != "graph" && timing != "eager") fields.fail("'timing' is neither graph nor eager");
  trace.timing = timing == "graph" ? Timing::graph : Timing::eager;
  fields.list("events", read_event, trace.events);
  fields.list("segments_before", read_segment, trace.segments_before);
  fields.maybe("reserved_before_bytes", trace.reserved_before);
  fields.maybe("allocated_before_bytes", trace.allocated_before);
  fields.required("reserved_peak_bytes", trace.reserved_peak);
  fields.required("allocated_peak_bytes", trace.allocated_peak);
  fields.maybe("started_at", trace.started_at);
  return fields.finish(trace);
}

}  // namespace batchfit
