#include "forecast/recording.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>

#include "facts/journal.h"
#include "facts/json.h"
#include "forecast/allocator_simulation.h"

namespace batchfit {
namespace {

constexpr std::int64_t recording_format = 1;
constexpr std::size_t largest_recording = std::size_t{1}
                                          << 30;  // a decompression bomb must not fill the memory

/// The file's text; zlib passes through what is not compressed.
Result<std::string> inflated(const std::filesystem::path& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) return failure(ErrorKind::runtime, "cannot open " + path.string());
  std::string text;
  std::vector<char> chunk(1 << 16);
  for (;;) {
    const int read = gzread(file.get(), chunk.data(), static_cast<unsigned>(chunk.size()));
    if (read < 0)
      return failure(ErrorKind::corrupt, path.string() + " is damaged: its compressed data end early");
    if (read == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(read));
    if (text.size() > largest_recording)
      return failure(ErrorKind::corrupt, path.string() + " is larger than 1 GiB");
  }
}

/// Names blocks as a trace does: 1, 2, … in the pass, -1, -2, … before it.
class Names {
 public:
  std::int64_t before(std::int64_t address) { return by_address_[address] = --last_before_; }
  std::int64_t allocated(std::int64_t address) { return by_address_[address] = ++last_; }
  /// 0 where no block of the trace lies there.
  std::int64_t freed(std::int64_t address) {
    const auto at = by_address_.find(address);
    if (at == by_address_.end()) return 0;
    const std::int64_t name = at->second;
    by_address_.erase(at);
    return name;
  }

 private:
  std::unordered_map<std::int64_t, std::int64_t> by_address_;
  std::int64_t last_before_ = 0;
  std::int64_t last_ = 0;
};

std::vector<SegmentState> segments_from_json(const Json& json, Names& names) {
  std::vector<SegmentState> segments;
  for (const Json& item : json) {
    SegmentState segment;
    segment.address = item.at("address").get<std::int64_t>();
    segment.small_pool = item.at("type") == "small";
    for (const Json& block : item.at("blocks")) {
      const bool free = block.at("state") == "inactive";
      segment.blocks.push_back(
          {block.at("size").get<Bytes>(), free ? 0 : names.before(block.at("address").get<std::int64_t>())});
    }
    segments.push_back(std::move(segment));
  }
  return segments;
}

/// The addresses that the recording itself saw coming from the driver.
class OwnSegments {
 public:
  void add(std::int64_t address, Bytes bytes) { ranges_.emplace_back(address, address + bytes); }
  bool hold(std::int64_t address) const {
    return std::any_of(ranges_.begin(), ranges_.end(),
                       [&](const auto& range) { return range.first <= address && address < range.second; });
  }

 private:
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges_;
};

/// Events are [action, bytes, address].
void read_events(const Json& events, Names& names, RecordedTrace& out) {
  const bool own_pool_only = out.trace.timing == Timing::graph;
  OwnSegments own;
  for (const Json& event : events) {
    const auto action = event.at(0).get<std::string>();
    const auto bytes = event.at(1).get<Bytes>();
    const auto address = event.at(2).get<std::int64_t>();
    if (action == "segment_alloc") {
      out.segment_addresses.push_back(address);
      own.add(address, bytes);
    } else if (action == "alloc" && own_pool_only && !own.hold(address)) {
      out.trace.allocated_before += rounded_request(bytes);
    } else if (action == "alloc") {
      out.trace.events.push_back({bytes, names.allocated(address), false});
      out.block_addresses.push_back(address);
    } else if (action == "free_completed") {
      if (const std::int64_t name = names.freed(address)) out.trace.events.push_back({0, name, true});
    }
  }
}

void read_capture(Batch batch, const Json& capture, RecordedWorkload& workload) {
  RecordedTrace recorded;
  AllocationTrace& trace = recorded.trace;
  trace.batch = batch;
  trace.timing = Timing::graph;
  trace.reserved_before = capture.at("reserved_before").get<Bytes>();
  trace.allocated_before = capture.at("allocated_before").get<Bytes>();
  trace.reserved_peak = capture.at("peak_reserved").get<Bytes>();
  trace.allocated_peak = capture.at("peak_allocated").get<Bytes>();
  Names names;
  read_events(capture.at("events"), names, recorded);
  workload.peaks.push_back({batch, trace.reserved_peak, trace.allocated_peak, {}});
  workload.traces.push_back(std::move(recorded));
}

void read_eager(Batch batch, const Json& run, const Json* traced, RecordedWorkload& workload) {
  const auto reserved = run.at("peak_reserved").get<Bytes>();
  const auto allocated = run.at("peak_allocated").get<Bytes>();
  workload.peaks.push_back({batch, reserved, allocated, {}});
  if (traced == nullptr) return;
  RecordedTrace recorded;
  AllocationTrace& trace = recorded.trace;
  trace.batch = batch;
  trace.timing = Timing::eager;
  trace.reserved_peak = reserved;
  trace.allocated_peak = allocated;
  Names names;
  trace.segments_before = segments_from_json(run.at("segments_before"), names);
  const SegmentTotals before = total_bytes(trace.segments_before);
  trace.reserved_before = before.reserved;
  trace.allocated_before = before.allocated;
  read_events(traced->at("events"), names, recorded);
  workload.traces.push_back(std::move(recorded));
}

RecordedWorkload workload_from_recording(const std::string& name, const Json& json) {
  RecordedWorkload workload;
  workload.name = name;
  workload.dtype = name.substr(name.rfind('_') + 1);  // "resnet50_fp16"
  const bool captures = json.contains("captures");
  for (const auto& [batch, item] : json.at(captures ? "captures" : "runs").items()) {
    if (captures) {
      read_capture(std::stoll(batch), item, workload);
    } else {
      const Json& traces = json.at("traces");
      const auto traced = traces.find(batch);
      read_eager(std::stoll(batch), item, traced == traces.end() ? nullptr : &*traced, workload);
    }
  }
  std::ranges::sort(workload.traces, {}, [](const RecordedTrace& recorded) { return recorded.trace.batch; });
  std::ranges::sort(workload.peaks, {}, &RecordedPeaks::batch);
  return workload;
}

/// The batches of a journal that were measured; of each its last observation and its last trace.
Recording recording_from_journal(const Subject& subject, const Evidence& evidence) {
  RecordedWorkload workload;
  workload.name =
      fmt::format("{} {}{}, {}", subject.workload.model, subject.workload.dtype,
                  subject.workload.channels_last ? " channels-last" : "", name_of(subject.workload.timing));
  workload.dtype = subject.workload.dtype;
  for (const Batch batch : evidence.observed()) {
    const MemoryUse& memory = evidence.observation(batch)->memory;
    if (!memory.reserved_peak || !memory.allocated_peak) continue;
    workload.peaks.push_back({batch, *memory.reserved_peak, *memory.allocated_peak, memory.context});
  }
  std::map<Batch, const AllocationTrace*> traces;
  for (const Record& record : evidence.records()) {
    if (const auto* trace = std::get_if<AllocationTrace>(&record)) traces[trace->batch] = trace;
  }
  for (const auto& [batch, trace] : traces) workload.traces.push_back({*trace, {}, {}});
  return {subject.device.name, subject.runtime.version, {std::move(workload)}};
}

}  // namespace

Result<Recording> read_recording(const std::filesystem::path& path) {
  const Result<std::string> text = inflated(path);
  if (!text) return failure(text.error());
  if (const auto journal = parse_journal(*text); journal && journal->subject) {
    return recording_from_journal(*journal->subject, journal->evidence);
  }
  const Result<Json> json = parse_json(*text);
  if (!json) return failure(ErrorKind::corrupt, path.string() + ": " + json.error().message);
  try {
    if (json->at("format").get<std::int64_t>() != recording_format) {
      return failure(ErrorKind::corrupt, path.string() + " is a recording of another format");
    }
    Recording recording{json->at("device").get<std::string>(), json->at("torch").get<std::string>(), {}};
    for (const auto& [name, workload] : json->at("workloads").items()) {
      recording.workloads.push_back(workload_from_recording(name, workload));
    }
    return recording;
  } catch (const std::exception&
               error) {  // of the JSON library and of stoll: a recording is a test's file, not a fact
    return failure(ErrorKind::corrupt, path.string() + " is no allocator recording: " + error.what());
  }
}

}  // namespace batchfit
