#include "device/nvml.h"

#include <dlfcn.h>

#include <array>
#include <utility>

#include "base/find_function.h"

namespace batchfit {
namespace {

// The few declarations of nvml.h that are used (NVML API reference, "NVML API Reference Guide"). The
// library's interface is stable: a function keeps its signature, a new one gets a new name.
using Status = int;
using Handle = void*;
constexpr Status success = 0;
constexpr unsigned clock_sm = 1, clock_memory = 2;  // nvmlClockType_t
constexpr unsigned temperature_gpu = 0;             // nvmlTemperatureSensors_t

struct MemoryInfo {  // nvmlMemory_v2_t
  unsigned version;
  unsigned long long total, reserved, free, used;
};
constexpr unsigned memory_info_version = sizeof(MemoryInfo) | (2U << 24);

constexpr std::size_t text_size = 96;  // NVML_DEVICE_NAME_V2_BUFFER_SIZE and NVML_DEVICE_UUID_V2_BUFFER_SIZE

}  // namespace

struct NvmlLibrary {
  void* library = nullptr;
  Status (*init)() = nullptr;
  Status (*shutdown)() = nullptr;
  Status (*driver_version)(char*, unsigned) = nullptr;
  Status (*count)(unsigned*) = nullptr;
  Status (*by_index)(unsigned, Handle*) = nullptr;
  Status (*by_uuid)(const char*, Handle*) = nullptr;
  Status (*name)(Handle, char*, unsigned) = nullptr;
  Status (*uuid)(Handle, char*, unsigned) = nullptr;
  Status (*memory)(Handle, MemoryInfo*) = nullptr;
  Status (*power_limit)(Handle, unsigned*) = nullptr;
  Status (*power)(Handle, unsigned*) = nullptr;
  Status (*clock)(Handle, unsigned, unsigned*) = nullptr;
  Status (*temperature)(Handle, unsigned, unsigned*) = nullptr;
  Status (*throttle_reasons)(Handle, unsigned long long*) = nullptr;
  Status (*energy)(Handle, unsigned long long*) = nullptr;

  NvmlLibrary() = default;
  NvmlLibrary(const NvmlLibrary&) = delete;
  NvmlLibrary& operator=(const NvmlLibrary&) = delete;
  ~NvmlLibrary() {
    if (shutdown != nullptr) shutdown();
    if (library != nullptr) ::dlclose(library);
  }

  /// False where an entry point that nothing works without is missing; the others stay null in an old driver.
  bool find_entry_points() {
    find("nvmlDeviceGetEnforcedPowerLimit", power_limit);
    find("nvmlDeviceGetPowerUsage", power);
    find("nvmlDeviceGetClockInfo", clock);
    find("nvmlDeviceGetTemperature", temperature);
    find("nvmlDeviceGetCurrentClocksThrottleReasons", throttle_reasons);
    find("nvmlDeviceGetTotalEnergyConsumption", energy);
    find("nvmlSystemGetDriverVersion", driver_version);
    find("nvmlDeviceGetMemoryInfo_v2", memory);
    find("nvmlDeviceGetUUID", uuid);
    return find("nvmlInit_v2", init) && find("nvmlDeviceGetCount_v2", count) &&
           find("nvmlDeviceGetHandleByIndex_v2", by_index) && find("nvmlDeviceGetHandleByUUID", by_uuid) &&
           find("nvmlDeviceGetName", name);
  }

 private:
  template <class Function>
  bool find(const char* symbol, Function& function) {
    return find_function(library, symbol, function);
  }
};

namespace {

/// A figure of NVML's as a double in another unit; absent where the function is missing or refuses.
template <class T, class Function, class... Fixed>
std::optional<double> figure(Function function, Handle handle, double unit, Fixed... fixed) {
  T value = 0;
  if (function == nullptr || function(handle, fixed..., &value) != success) return std::nullopt;
  return static_cast<double>(value) * unit;
}

std::optional<std::string> text(Status (*function)(Handle, char*, unsigned), Handle handle) {
  std::array<char, text_size> buffer{};
  if (function == nullptr || function(handle, buffer.data(), buffer.size()) != success) return std::nullopt;
  return buffer.data();
}

std::optional<MemoryInfo> memory_info(const NvmlLibrary& nvml, Handle handle) {
  MemoryInfo info{memory_info_version, 0, 0, 0, 0};
  if (nvml.memory == nullptr || nvml.memory(handle, &info) != success) return std::nullopt;
  return info;
}

}  // namespace

std::vector<std::string> slowing_reasons(std::uint64_t throttle_mask) {
  static constexpr std::array<std::pair<std::uint64_t, const char*>, 5> reasons{
      {{0x04, "software power cap"},
       {0x08, "hardware slowdown"},
       {0x20, "software thermal slowdown"},
       {0x40, "hardware thermal slowdown"},
       {0x80, "hardware power brake"}}};
  std::vector<std::string> names;
  for (const auto& [bit, name] : reasons) {
    if ((throttle_mask & bit) != 0) names.emplace_back(name);
  }
  return names;
}

std::optional<std::string> mig_profile(const std::string& name) {
  static constexpr std::string_view mark = " MIG ";
  const std::size_t at = name.find(mark);
  if (at == std::string::npos) return std::nullopt;
  return name.substr(at + mark.size());
}

Result<GpuIdentity> NvmlDevice::identity() const {
  const auto name = text(library_->name, handle_);
  const auto memory = memory_info(*library_, handle_);
  if (!name || !memory) {
    return failure(ErrorKind::unavailable, "NVML does not tell a GPU's name and memory",
                   "update the NVIDIA driver");
  }
  GpuIdentity identity;
  identity.name = *name;
  identity.uuid = text(library_->uuid, handle_).value_or("");
  identity.total_memory = static_cast<Bytes>(memory->total);
  identity.power_limit_w = figure<unsigned>(library_->power_limit, handle_, 1e-3);
  identity.mig = mig_profile(*name);
  std::array<char, text_size> driver{};
  if (library_->driver_version != nullptr &&
      library_->driver_version(driver.data(), driver.size()) == success) {
    identity.driver = driver.data();
  }
  return identity;
}

GpuState NvmlDevice::state() const {
  GpuState state;
  state.sm_clock_mhz = figure<unsigned>(library_->clock, handle_, 1, clock_sm);
  state.memory_clock_mhz = figure<unsigned>(library_->clock, handle_, 1, clock_memory);
  state.temperature_c = figure<unsigned>(library_->temperature, handle_, 1, temperature_gpu);
  state.power_w = figure<unsigned>(library_->power, handle_, 1e-3);
  unsigned long long mask = 0;
  if (library_->throttle_reasons != nullptr && library_->throttle_reasons(handle_, &mask) == success) {
    state.throttle_mask = mask;
  }
  return state;
}

std::optional<Bytes> NvmlDevice::used_memory() const {
  const auto info = memory_info(*library_, handle_);
  if (!info) return std::nullopt;
  return static_cast<Bytes>(info->used);
}

std::optional<double> NvmlDevice::energy_j() const {
  return figure<unsigned long long>(library_->energy, handle_, 1e-3);
}

Result<Nvml> Nvml::open() {
  auto library = std::make_shared<NvmlLibrary>();
  library->library = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library->library == nullptr) {
    return failure(ErrorKind::unavailable, "there is no NVIDIA driver here (libnvidia-ml.so.1 is missing)",
                   "install the driver, or in a container start it with access to the GPU");
  }
  if (!library->find_entry_points() || library->init() != success) {
    return failure(ErrorKind::unavailable, "the NVIDIA driver's management library cannot be used",
                   "check that nvidia-smi works");
  }
  // Only an initialised library may be shut down.
  find_function(library->library, "nvmlShutdown", library->shutdown);
  return Nvml(std::move(library));
}

std::vector<NvmlDevice> Nvml::devices() const {
  std::vector<NvmlDevice> devices;
  unsigned count = 0;
  if (library_->count(&count) != success) return devices;
  for (unsigned i = 0; i < count; ++i) {
    Handle handle = nullptr;
    if (library_->by_index(i, &handle) == success) devices.push_back(NvmlDevice(library_, handle));
  }
  return devices;
}

Result<NvmlDevice> Nvml::device(const std::string& uuid) const {
  Handle handle = nullptr;
  if (library_->by_uuid(uuid.c_str(), &handle) != success) {
    return failure(ErrorKind::unavailable, "NVML knows no GPU " + uuid);
  }
  return NvmlDevice(library_, handle);
}

}  // namespace batchfit
