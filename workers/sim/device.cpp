#include "sim/device.h"

#define XXH_INLINE_ALL
#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>
#include <set>
#include <utility>

#include "facts/fields.h"

namespace batchfit::sim {
namespace {

constexpr int format_version = 1;

// With these no sum over a file, times the largest batch (2^20), leaves 62 bits.
constexpr Bytes most_bytes = Bytes{1} << 44;
constexpr Bytes most_bytes_per_item = Bytes{1} << 30;
constexpr std::size_t longest_list = 1024;
// Times the most bytes per item this leaves 62 bits too.
constexpr std::int64_t largest_size = std::int64_t{1} << 26;

void read_positive(Fields& fields, const char* name, Batch& out) {
  fields.maybe(name, out);
  if (out < 1) fields.fail(std::string("'") + name + "' is not 1 or more");
}

void read_bytes(Fields& fields, const char* name, Bytes& out, Bytes most = most_bytes) {
  fields.maybe(name, out);
  if (out > most) fields.fail(std::string("'") + name + "' is more than " + format_bytes(most));
}

template <class T, class Read>
void read_list(Fields& fields, const char* name, Read read, std::vector<T>& out) {
  const Json* list = fields.find(name);
  if (list == nullptr) return;
  if (!list->is_array() || list->size() > longest_list) {
    fields.fail(std::string("'") + name + "' is not a list of at most " + std::to_string(longest_list));
    return;
  }
  for (const Json& item : *list) {
    T value;
    fields.nested(read(item), value);
    out.push_back(std::move(value));
  }
}

Result<ProgramStep> read_step(const Json& json) {
  Fields fields(json, "program step");
  ProgramStep step;
  step.is_free = fields.find("free") != nullptr;
  fields.required(step.is_free ? "free" : "alloc", step.block);
  read_bytes(fields, "bytes", step.bytes);
  read_bytes(fields, "bytes_per_item", step.bytes_per_item, most_bytes_per_item);
  read_positive(fields, "from_batch", step.from_batch);
  fields.maybe("until_batch", step.until_batch);
  if (step.is_free && (fields.find("from_batch") != nullptr || step.until_batch))
    fields.fail("frees with a range of batches: only an allocation has one");
  return fields.finish(step);
}

Result<LatencyPiece> read_piece(const Json& json) {
  Fields fields(json, "latency piece");
  LatencyPiece piece;
  read_positive(fields, "from", piece.from);
  fields.maybe("base_s", piece.base);
  fields.maybe("per_item_s", piece.per_item);
  if (piece.base + piece.per_item <= 0) fields.fail("takes no time");
  return fields.finish(piece);
}

Result<LatencyDip> read_dip(const Json& json) {
  Fields fields(json, "latency dip");
  LatencyDip dip;
  read_positive(fields, "every", dip.every);
  fields.required("factor", dip.factor);
  if (dip.factor <= 0) fields.fail("'factor' is not above 0");
  return fields.finish(dip);
}

Result<NamedSize> read_size(const Json& json) {
  Fields fields(json, "size");
  NamedSize size;
  fields.required("name", size.name);
  read_positive(fields, "standard", size.standard);
  if (size.standard > largest_size) fields.fail("'standard' is too large");
  read_list(fields, "dips", read_dip, size.dips);
  return fields.finish(std::move(size));
}

Result<LatencySteps> read_steps(const Json& json) {
  Fields fields(json, "latency steps");
  LatencySteps steps;
  read_positive(fields, "every", steps.every);
  fields.required("extra_s", steps.extra);
  return fields.finish(steps);
}

void read_span(Fields& fields, ProbeSpan& span) {
  fields.maybe("from_probe", span.from);
  fields.maybe("until_probe", span.until);
}

Result<Throttling> read_throttling(const Json& json) {
  Fields fields(json, "throttling");
  Throttling throttling;
  read_span(fields, throttling.probes);
  fields.required("slowdown", throttling.slowdown);
  if (throttling.slowdown < 1) fields.fail("'slowdown' is not 1 or more");
  fields.maybe("reason", throttling.reason);
  return fields.finish(throttling);
}

Result<Neighbour> read_neighbour(const Json& json) {
  Fields fields(json, "neighbour");
  Neighbour neighbour;
  read_span(fields, neighbour.probes);
  read_bytes(fields, "bytes", neighbour.bytes);
  return fields.finish(neighbour);
}

Result<PlannedFault> read_fault(const Json& json) {
  Fields fields(json, "fault");
  PlannedFault fault;
  fields.required("kind", fault.kind);
  fields.maybe("op", fault.op);
  fields.maybe("batch", fault.batch);
  fields.maybe("probe", fault.probe);
  fields.maybe("times", fault.times);
  fields.maybe("wall_s", fault.wall);
  return fields.finish(fault);
}

void read_latency(Fields& fields, SimDevice& device) {
  const Json* json = fields.find("latency");
  if (json == nullptr) {
    fields.fail("has no 'latency'");
    return;
  }
  Fields latency(*json, "latency");
  read_list(latency, "pieces", read_piece, device.pieces);
  read_list(latency, "dips", read_dip, device.dips);
  if (const Json* steps = latency.find("steps")) latency.nested(read_steps(*steps), device.steps.emplace());
  latency.maybe("launch_overhead_s", device.launch_overhead);
  const auto by_batch = [](const LatencyPiece& a, const LatencyPiece& b) { return a.from < b.from; };
  if (device.pieces.empty() || device.pieces.front().from != 1) latency.fail("has no piece from batch 1");
  if (!std::is_sorted(device.pieces.begin(), device.pieces.end(), by_batch))
    latency.fail("pieces do not ascend");
  int read = 0;
  fields.nested(latency.finish(0), read);
}

void read_energy(Fields& fields, SimDevice& device) {
  const Json* json = fields.find("energy");
  if (json == nullptr) return;
  Fields energy(*json, "energy");
  energy.maybe("base_j", device.energy.base);
  energy.maybe("per_item_j", device.energy.per_item);
  fields.nested(energy.finish(device.energy), device.energy);
}

void read_noise(Fields& fields, SimDevice& device) {
  const Json* json = fields.find("noise");
  if (json == nullptr) return;
  Fields noise(*json, "noise");
  noise.maybe("graph", device.noise.graph);
  noise.maybe("eager", device.noise.eager);
  // e^(8 sigma) must stay a number that a sample can be.
  if (device.noise.graph > 2 || device.noise.eager > 2) noise.fail("is more than 2");
  fields.nested(noise.finish(device.noise), device.noise);
}

void read_allocator(Fields& fields, SimDevice& device) {
  std::string allocator = "sums";
  fields.maybe("allocator", allocator);
  if (allocator != "sums" && allocator != "caching") fields.fail("'allocator' is neither sums nor caching");
  if (allocator == "caching") device.allocator = AllocatorRules::caching;
  const bool traces = std::ranges::find(device.capabilities, "memory_trace") != device.capabilities.end();
  if (traces && allocator != "caching") fields.fail("traces memory without the caching allocator");
}

/// Frees only what is there, allocates no name twice at a time.
void check_program(Fields& fields, const std::vector<ProgramStep>& program) {
  std::set<std::string> live;
  for (const ProgramStep& step : program) {
    const bool fits = step.is_free ? live.erase(step.block) == 1 : live.insert(step.block).second;
    if (!fits)
      fields.fail("'program' " + std::string(step.is_free ? "frees" : "allocates") + " '" + step.block +
                  "' twice");
  }
}

}  // namespace

std::optional<SimDevice> at_size(const SimDevice& device, std::int64_t size) {
  if (!device.size || size < 1 || size > largest_size) return std::nullopt;
  SimDevice scaled = device;
  for (ProgramStep& step : scaled.program) {
    step.bytes_per_item = step.bytes_per_item * size / device.size->standard;
    if (step.bytes_per_item > most_bytes_per_item) return std::nullopt;
  }
  for (LatencyPiece& piece : scaled.pieces)
    piece.per_item *= static_cast<double>(size) / static_cast<double>(device.size->standard);
  for (const LatencyDip& dip : device.size->dips) {
    if (size % dip.every == 0) scaled.dips.push_back({1, dip.factor});
  }
  return scaled;
}

Result<SimDevice> device_from_json(const Json& json) {
  Fields fields(json, "simulated device");
  std::string format;
  std::int64_t version = 0;
  fields.required("format", format);
  fields.required("version", version);
  if (format != "batchfit-sim-device" || version != format_version) {
    fields.fail("is not of format batchfit-sim-device, version 1");
  }
  SimDevice device;
  const std::string text = dump_json(json);
  device.digest = fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
  fields.required("name", device.name);
  fields.required("total_memory_bytes", device.total_memory);
  read_bytes(fields, "total_memory_bytes", device.total_memory);
  read_bytes(fields, "context_bytes", device.context);
  fields.maybe("seed", device.seed);
  fields.required("capabilities", device.capabilities);
  fields.required("model", device.model);
  fields.required("dtypes", device.dtypes);
  fields.maybe("input_shape", device.input_shape);
  if (const Json* size = fields.find("size")) fields.nested(read_size(*size), device.size.emplace());
  read_bytes(fields, "weights_bytes", device.weights);
  read_allocator(fields, device);
  read_list(fields, "program", read_step, device.program);
  check_program(fields, device.program);
  read_latency(fields, device);
  read_noise(fields, device);
  read_energy(fields, device);
  fields.maybe("drift_per_probe", device.drift_per_probe);
  read_list(fields, "throttling", read_throttling, device.throttling);
  read_list(fields, "neighbours", read_neighbour, device.neighbours);
  read_list(fields, "faults", read_fault, device.faults);
  fields.maybe("probe_wall_s", device.probe_wall);
  return fields.finish(std::move(device));
}

}  // namespace batchfit::sim
