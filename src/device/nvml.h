#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/units.h"

namespace batchfit {

/// What identifies a GPU, as NVML tells it. A MIG slice is a GPU of its own.
struct GpuIdentity {
  std::string name;                     ///< "NVIDIA H100 80GB HBM3"
  std::string uuid;                     ///< "GPU-…" or "MIG-…"
  Bytes total_memory = 0;               ///< what the driver keeps for itself included
  std::optional<double> power_limit_w;  ///< the enforced limit
  std::optional<std::string> driver;    ///< "580.95.05"
  std::optional<std::string> mig;       ///< "1g.10gb", where the GPU is a slice
};

/// A GPU's state now; what the driver does not tell is absent.
struct GpuState {
  std::optional<double> sm_clock_mhz;
  std::optional<double> memory_clock_mhz;
  std::optional<double> temperature_c;
  std::optional<double> power_w;
  std::uint64_t throttle_mask = 0;  ///< NVML's clocks-event-reasons bits; 0 where unknown
};

/// Those of NVML's clocks-event-reasons bits (nvml.h, nvmlClocksEventReason…) that slow a device that has
/// work to do: slowdowns of the hardware, thermal limits and the power cap. Idle, user-set clocks and display
/// settings are not.
std::vector<std::string> slowing_reasons(std::uint64_t throttle_mask);

/// The MIG profile in a GPU's name ("NVIDIA H100 80GB HBM3 MIG 1g.10gb": "1g.10gb"); nullopt where it is no
/// slice.
std::optional<std::string> mig_profile(const std::string& name);

struct NvmlLibrary;  // the entry points found in the driver's library

/// One GPU as NVML sees it.
class NvmlDevice {
 public:
  Result<GpuIdentity> identity() const;
  GpuState state() const;

  /// Device memory in use by all processes; what the driver keeps for itself is not counted where it can tell
  /// it apart.
  std::optional<Bytes> used_memory() const;

  /// Energy since the driver was loaded, in joules. The counter moves in steps of some 20 to 100 ms.
  std::optional<double> energy_j() const;

 private:
  friend class Nvml;
  NvmlDevice(std::shared_ptr<const NvmlLibrary> library, void* handle)
      : library_(std::move(library)), handle_(handle) {}
  std::shared_ptr<const NvmlLibrary> library_;
  void* handle_;
};

/// The driver's management library, loaded at run time: a machine without an NVIDIA driver has none.
class Nvml {
 public:
  /// Loads libnvidia-ml.so.1 and initialises it. unavailable error where there is no driver or no device.
  static Result<Nvml> open();

  /// All GPUs, in NVML's order (by PCI bus; CUDA may number them otherwise). MIG slices are not listed.
  std::vector<NvmlDevice> devices() const;

  /// The GPU or MIG slice of this UUID ("GPU-…", "MIG-…"); unavailable error where there is none.
  Result<NvmlDevice> device(const std::string& uuid) const;

 private:
  explicit Nvml(std::shared_ptr<const NvmlLibrary> library) : library_(std::move(library)) {}
  std::shared_ptr<const NvmlLibrary> library_;
};

}  // namespace batchfit
