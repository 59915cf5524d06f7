#include "cuda_trace.h"

#include <c10/cuda/CUDACachingAllocator.h>

#include <atomic>
#include <utility>
#include <vector>

#include "runtime.h"

namespace batchfit {
namespace {

namespace caching = c10::cuda::CUDACachingAllocator;
using Entry = caching::TraceEntry;

/// A pass of vit_b_16 has some 700 events; one of a model a hundred times as large must fit (3 MiB).
constexpr std::size_t most_events = std::size_t{1} << 16;

/// What a process's allocator did while it was on. A tracker cannot be detached, so there is one for the
/// process. It is called under the allocator's lock and so must not allocate itself: its room is fixed.
class Recorder {
 public:
  static Recorder& of_process() {
    static Recorder recorder;
    return recorder;
  }

  void start(c10::DeviceIndex device) {
    device_ = device;
    count_ = 0;
    lossy_ = false;
    on_.store(true, std::memory_order_release);
  }
  void stop() { on_.store(false, std::memory_order_release); }

  /// Absent where something was lost.
  std::optional<std::span<const RawEvent>> events() const {
    if (lossy_) return std::nullopt;
    return std::span(events_).first(count_);
  }

 private:
  Recorder() : events_(most_events) {
    caching::attachAllocatorTraceTracker([this](const Entry& entry) {
      if (on_.load(std::memory_order_acquire) && entry.device_ == device_) note(entry);
    });
  }

  void note(const Entry& entry) {
    switch (entry.action_) {
      case Entry::ALLOC:
        return add(RawEvent::Action::allocate, entry);
      case Entry::FREE_COMPLETED:
        return add(RawEvent::Action::free, entry);
      case Entry::SEGMENT_ALLOC:
        return add(RawEvent::Action::take_segment, entry);
      case Entry::SEGMENT_MAP:
      case Entry::SEGMENT_UNMAP:
        lossy_ = true;
        return;
      default:
        return;
    }
  }

  void add(RawEvent::Action action, const Entry& entry) {
    if (count_ == most_events) {
      lossy_ = true;
      return;
    }
    events_[count_++] = {action, static_cast<std::int64_t>(entry.addr_), static_cast<Bytes>(entry.size_),
                         entry.mempool_};
  }

  std::vector<RawEvent> events_;
  std::size_t count_ = 0;
  bool lossy_ = false;
  c10::DeviceIndex device_ = 0;
  std::atomic<bool> on_ = false;
};

SegmentState state_of(const caching::SegmentInfo& info, std::int64_t& last_block) {
  SegmentState segment{static_cast<std::int64_t>(info.address), !info.is_large, {}};
  for (const caching::BlockInfo& block : info.blocks) {
    segment.blocks.push_back({static_cast<Bytes>(block.size), block.active ? --last_block : 0});
  }
  return segment;
}

/// The segments that serve requests on a stream outside captures.
std::vector<caching::SegmentInfo> segments_of(const c10::cuda::CUDAStream& stream) {
  auto segments = caching::snapshot({0, 0}, /*include_traces=*/false).segments;
  std::erase_if(segments, [&](const caching::SegmentInfo& segment) {
    return segment.device != stream.device_index() || segment.stream != stream.stream() ||
           segment.owner_private_pool_id != c10::MempoolId_t{0, 0};
  });
  return segments;
}

}  // namespace

bool CudaTrace::available() { return caching::name() == "native"; }

CudaTrace::CudaTrace(const CudaDevice& device, Batch batch, Timing timing) : device_(device) {
  const AllocatorFigures figures = device.allocator();
  before_.batch = batch;
  before_.timing = timing;
  before_.reserved_before = figures.reserved;
  before_.allocated_before = figures.allocated;
  before_.started_at = now();
  if (timing == Timing::eager) {  // a capture's pool starts empty
    std::int64_t last_block = 0;
    for (const caching::SegmentInfo& segment : segments_of(device.stream())) {
      segments_grow_ = segments_grow_ || segment.is_expandable;
      before_.segments_before.push_back(state_of(segment, last_block));
    }
  }
  Recorder::of_process().start(device.index());
}

CudaTrace::~CudaTrace() { Recorder::of_process().stop(); }

std::optional<AllocationTrace> CudaTrace::finish(PoolId pool) {
  Recorder::of_process().stop();
  const auto events = Recorder::of_process().events();
  if (!events || segments_grow_) return std::nullopt;
  AllocationTrace trace = trace_from_events(std::move(before_), *events, pool);
  const AllocatorFigures figures = device_.allocator();
  trace.reserved_peak = figures.reserved_peak;
  trace.allocated_peak = figures.allocated_peak;
  return trace;
}

}  // namespace batchfit
