#pragma once

#include <optional>

#include "cuda_device.h"
#include "raw_trace.h"

namespace batchfit {

/// Records what the caching allocator does during one pass: made just before it, finished just after it. One
/// at a time in a process.
class CudaTrace {
 public:
  /// False for another allocator than PyTorch's own (cudaMallocAsync), which tells nothing of its blocks.
  static bool available();

  CudaTrace(const CudaDevice& device, Batch batch, Timing timing);
  ~CudaTrace();
  CudaTrace(const CudaTrace&) = delete;
  CudaTrace& operator=(const CudaTrace&) = delete;

  /// The pass's trace with the allocator's peaks until now; `pool`: the one that served it. Absent where the
  /// pass did more than the recorder holds, or where segments can grow (expandable_segments): what the trace
  /// would be replayed by has no such segments.
  std::optional<AllocationTrace> finish(PoolId pool = {0, 0});

 private:
  const CudaDevice& device_;
  AllocationTrace before_;
  bool segments_grow_ = false;
};

}  // namespace batchfit
