#pragma once

#include <c10/cuda/CUDAStream.h>

#include <cstdint>
#include <optional>

#include "common/reply.h"
#include "device/nvml.h"
#include "device_ledger.h"
#include "facts/observation.h"
#include "facts/probe.h"
#include "facts/workload.h"

namespace batchfit {

/// The caching allocator's figures of one device.
struct AllocatorFigures {
  Bytes reserved = 0, reserved_peak = 0, allocated = 0, allocated_peak = 0;
  std::int64_t retries = 0, ooms = 0;
};

/// One CUDA device that this process uses: its memory, its state and the stream that all work goes to.
class CudaDevice {
 public:
  /// The device of this number, with a context; the same object each time, for a context cannot be unmade.
  static Answer<CudaDevice*> open(int index);

  const Device& identity() const { return identity_; }
  const c10::cuda::CUDAStream& stream() const { return stream_; }
  c10::DeviceIndex index() const { return stream_.device_index(); }
  std::optional<Bytes> context() const { return ledger_.context(); }
  std::optional<Bytes> others() const { return ledger_.others(); }  ///< as last accounted

  /// Figures of the runtime that only a device can tell: cuDNN, compute capability, allocator settings.
  Runtime runtime() const;

  /// Total and others' memory now, nothing of ours having run since the last of these two calls.
  Environment environment();
  /// To be called after something of ours ran.
  void account_run();

  AllocatorFigures allocator() const;
  /// Gives what the allocator holds free back to the device and starts its peaks anew.
  void empty_allocator();
  /// Limits what the allocator may reserve, and returns the limit; `own_cap` is one on own memory.
  Bytes limit_allocator(std::optional<Bytes> own_cap);

  /// Clocks, temperature, power and throttling now.
  Conditions conditions() const;
  std::optional<double> energy_j() const;

  /// False where the device no longer works for this process (a sticky error).
  bool usable() const;

 private:
  CudaDevice(int index, Device identity, std::optional<NvmlDevice> nvml);
  Bytes outside_allocator() const;

  Device identity_;
  std::optional<NvmlDevice> nvml_;
  DeviceLedger ledger_;  // before the stream, which makes the context: it reads what others hold
  c10::cuda::CUDAStream stream_;
};

}  // namespace batchfit
