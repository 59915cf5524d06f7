#include "cuda_device.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <cuda_runtime_api.h>
#include <fmt/core.h>

#include <map>
#include <memory>
#include <string>

#include "engine.h"
#include "runtime.h"

namespace batchfit {
namespace {

namespace caching = c10::cuda::CUDACachingAllocator;

/// Index of the sum over the small and the large pool in the allocator's statistics.
constexpr auto all_pools = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);

Result<int> device_count() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  return failure(
      ErrorKind::unavailable,
      fmt::format("there is no CUDA device here ({})",
                  status == cudaSuccess ? "none is visible" : cudaGetErrorString(status)),
      "use the CPU, or check that nvidia-smi lists a GPU and CUDA_VISIBLE_DEVICES does not hide it");
}

Result<cudaDeviceProp> properties(int index) {
  cudaDeviceProp properties{};
  const cudaError_t status = cudaGetDeviceProperties(&properties, index);
  if (status == cudaSuccess) return properties;
  return failure(ErrorKind::unavailable, fmt::format("cuda:{}: {}", index, cudaGetErrorString(status)));
}

/// The device's UUID as NVML writes it, after "GPU-" or "MIG-".
std::string uuid_of(const cudaDeviceProp& properties) {
  std::string text;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", static_cast<unsigned char>(properties.uuid.bytes[i]));
  }
  return text;
}

std::optional<NvmlDevice> nvml_device(const cudaDeviceProp& properties) {
  const auto nvml = Nvml::open();
  if (!nvml) return std::nullopt;
  for (const char* prefix : {"GPU-", "MIG-"}) {
    if (auto device = nvml->device(prefix + uuid_of(properties))) return *device;
  }
  return std::nullopt;
}

/// NVML's figures where there is NVML: the tuner identifies a device by them without a worker.
Device identity_of(const cudaDeviceProp& properties, const std::optional<NvmlDevice>& nvml) {
  Device device;
  device.kind = "cuda";
  device.name = properties.name;
  device.total_memory = static_cast<Bytes>(properties.totalGlobalMem);
  if (!nvml) return device;
  if (const auto identity = nvml->identity()) {
    device.name = identity->name;
    device.total_memory = identity->total_memory;
    device.power_limit_w = identity->power_limit_w;
    device.driver = identity->driver;
    device.mig = identity->mig;
  }
  return device;
}

struct DeviceMemory {
  Bytes free = 0, total = 0;
};

DeviceMemory device_memory(c10::DeviceIndex index) {
  std::size_t free = 0, total = 0;
  C10_CUDA_CHECK(cudaSetDevice(index));
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return {static_cast<Bytes>(free), static_cast<Bytes>(total)};
}

/// Makes the device's context, and the stream for all work: a capture must not be on the default stream.
c10::cuda::CUDAStream stream_with_context(c10::DeviceIndex index) {
  at::globalContext().lazyInitDevice(at::kCUDA);
  C10_CUDA_CHECK(cudaSetDevice(index));
  C10_CUDA_CHECK(cudaFree(nullptr));
  return c10::cuda::getStreamFromPool(/*isHighPriority=*/false, index);
}

}  // namespace

Result<std::vector<Device>> cuda_devices() {
  const auto count = device_count();
  if (!count) return failure(count.error());
  std::vector<Device> devices;
  for (int i = 0; i < *count; ++i) {
    const auto found = properties(i);
    if (!found) return failure(found.error());
    devices.push_back(identity_of(*found, nvml_device(*found)));
  }
  return devices;
}

Answer<CudaDevice*> CudaDevice::open(int index) {
  static std::map<int, std::unique_ptr<CudaDevice>> opened;
  if (const auto at = opened.find(index); at != opened.end()) return at->second.get();
  const auto count = device_count();
  if (!count) return refuse(count.error());
  if (index >= *count) {
    return refuse(RefusalKind::unavailable, fmt::format("there is no cuda:{}", index),
                  fmt::format("the last CUDA device here is cuda:{}", *count - 1));
  }
  const auto found = properties(index);
  if (!found) return refuse(found.error());
  auto nvml = nvml_device(*found);
  Device identity = identity_of(*found, nvml);
  std::unique_ptr<CudaDevice> device(new CudaDevice(index, std::move(identity), std::move(nvml)));
  return (opened[index] = std::move(device)).get();
}

CudaDevice::CudaDevice(int index, Device identity, std::optional<NvmlDevice> nvml)
    : identity_(std::move(identity)),
      nvml_(std::move(nvml)),
      ledger_(nvml_ ? nvml_->used_memory() : std::nullopt),
      stream_(stream_with_context(static_cast<c10::DeviceIndex>(index))) {
  ledger_.context_made(outside_allocator());
}

Runtime CudaDevice::runtime() const {
  Runtime runtime = libtorch_runtime();
  int major = 0, minor = 0;
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index()));
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, index()));
  runtime.details["compute_capability"] = fmt::format("{}.{}", major, minor);
  runtime.details["cudnn"] = std::to_string(at::detail::getCUDAHooks().versionRuntimeCuDNN());
  for (const char* name : {"PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "CUBLAS_WORKSPACE_CONFIG",
                           "CUDA_MODULE_LOADING", "NVIDIA_TF32_OVERRIDE"}) {
    add_environment_variable(runtime, name);
  }
  return runtime;
}

Bytes CudaDevice::outside_allocator() const {
  const DeviceMemory memory = device_memory(index());
  return memory.total - memory.free - allocator().reserved;
}

Environment CudaDevice::environment() {
  ledger_.was_idle(outside_allocator());
  return {device_memory(index()).total, ledger_.others()};
}

void CudaDevice::account_run() { ledger_.was_running(outside_allocator()); }

AllocatorFigures CudaDevice::allocator() const {
  const auto stats = caching::getDeviceStats(index());
  const auto& reserved = stats.reserved_bytes[all_pools];
  const auto& allocated = stats.allocated_bytes[all_pools];
  return {reserved.current, reserved.peak,           allocated.current,
          allocated.peak,   stats.num_alloc_retries, stats.num_ooms};
}

void CudaDevice::empty_allocator() {
  C10_CUDA_CHECK(cudaStreamSynchronize(stream_));
  caching::emptyCache();
  caching::resetPeakStats(index());
}

Bytes CudaDevice::limit_allocator(std::optional<Bytes> own_cap) {
  const DeviceMemory memory = device_memory(index());
  const Bytes most = most_reservable(memory.free, allocator().reserved, own_cap, ledger_.context());
  caching::setMemoryFraction(static_cast<double>(most) / static_cast<double>(memory.total), index());
  return most;
}

Conditions CudaDevice::conditions() const {
  Conditions conditions;
  if (!nvml_) return conditions;
  const GpuState state = nvml_->state();
  conditions.sm_clock_mhz = state.sm_clock_mhz;
  conditions.memory_clock_mhz = state.memory_clock_mhz;
  conditions.temperature_c = state.temperature_c;
  conditions.power_w = state.power_w;
  conditions.throttle_reasons = slowing_reasons(state.throttle_mask);
  return conditions;
}

std::optional<double> CudaDevice::energy_j() const { return nvml_ ? nvml_->energy_j() : std::nullopt; }

bool CudaDevice::usable() const {
  cudaGetLastError();  // a passed error is reported once more and must not be taken for a lasting one
  return cudaDeviceSynchronize() == cudaSuccess;
}

}  // namespace batchfit
