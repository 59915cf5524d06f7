#include "tune/local_device.h"

#include <charconv>
#include <chrono>
#include <filesystem>
#include <string_view>

#include "device/host.h"
#include "device/nvml.h"

namespace batchfit {
namespace {

/// The GPU behind "cuda:N": NVML's N-th. A stamp holds CUDA_VISIBLE_DEVICES too, so a renumbering is another
/// stamp.
std::optional<NvmlDevice> gpu_of(const Nvml& nvml, std::string_view device) {
  device.remove_prefix(std::string_view("cuda").size());
  std::size_t index = 0;
  if (device.starts_with(':')) std::from_chars(device.data() + 1, device.data() + device.size(), index);
  const auto devices = nvml.devices();
  if (index >= devices.size()) return std::nullopt;
  return devices[index];
}

void look_at_gpu(const std::string& device, LocalDevice& out) {
  const auto nvml = Nvml::open();
  if (!nvml) return;
  const auto gpu = gpu_of(*nvml, device);
  if (!gpu) return;
  out.others = gpu->used_memory();
  const auto identity = gpu->identity();
  if (!identity) return;
  out.fingerprint["uuid"] = identity->uuid;
  out.fingerprint["name"] = identity->name;
  out.fingerprint["total_memory_bytes"] = identity->total_memory;
  if (identity->power_limit_w) out.fingerprint["power_limit_w"] = *identity->power_limit_w;
  if (identity->driver) out.fingerprint["driver"] = *identity->driver;
}

}  // namespace

LocalDevice look_at(const std::string& device) {
  const auto start = std::chrono::steady_clock::now();
  LocalDevice out;
  out.fingerprint = {{"id", device}};
  if (device.starts_with("cuda")) {
    look_at_gpu(device, out);
    out.took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  } else if (device == "cpu") {
    out.fingerprint["name"] = processor_name();
    if (const auto memory = usable_memory()) out.fingerprint["total_memory_bytes"] = *memory;
  }
  return out;
}

std::string default_device() {
  // The device files, not the library: asking them costs microseconds.
  return std::filesystem::exists("/dev/nvidia0") || std::filesystem::exists("/proc/driver/nvidia/gpus")
             ? "cuda:0"
             : "cpu";
}

}  // namespace batchfit
