#include <ATen/ops/silu.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/Exception.h>
#include <cuda_runtime_api.h>
#include <fmt/core.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "kernels/epilogue.h"
#include "kernels/epilogue_kernel.h"

namespace batchfit {
namespace {

constexpr std::int64_t group_bytes = 16;
constexpr std::uint32_t threads_of_block = 256;  // as the kernels are compiled for
/// A launch counts its groups, and a row its elements, in 32 bits.
constexpr std::int64_t most_counted = std::numeric_limits<std::int32_t>::max();

/// From neighbour to neighbour over these dimensions, the innermost first, taken as one: nullopt where it is
/// not the same everywhere, `alone` where there is but one element.
std::optional<std::int64_t> spacing(const at::Tensor& x, std::initializer_list<std::int64_t> dimensions,
                                    std::int64_t alone) {
  std::optional<std::int64_t> distance;
  std::int64_t steps = 1;
  for (const std::int64_t dimension : dimensions) {
    if (x.size(dimension) == 1) continue;
    if (!distance) distance = x.stride(dimension);
    if (x.stride(dimension) != *distance * steps) return std::nullopt;
    steps *= x.size(dimension);
  }
  return distance.value_or(alone);
}

/// What the kernel takes for a row: an item, its channels one after the other; a channel of an item; or a
/// pixel with an element of each channel.
enum class Row { item, plane, pixel };

/// Elements from row to row; nullopt where the tensor has no such rows at even distances.
std::optional<std::int64_t> row_stride(const at::Tensor& x, Row row) {
  switch (row) {
    case Row::item:
      return spacing(x, {3, 2, 1}, 1) == 1 ? spacing(x, {0}, 0) : std::nullopt;
    case Row::plane:
      return spacing(x, {3, 2}, 1) == 1 ? spacing(x, {1, 0}, 0) : std::nullopt;
    case Row::pixel:
      return spacing(x, {1}, 1) == 1 ? spacing(x, {3, 2, 0}, 0) : std::nullopt;
  }
  return std::nullopt;
}

/// A pass over rows as the kernel takes them, but of any number.
struct Rows {
  EpilogueArguments arguments;
  std::int64_t count, length;

  /// Whether 16 bytes can be taken at a time, each time of one channel or of channels side by side.
  bool fit_groups(std::int64_t elements) const {
    const EpilogueArguments& a = arguments;
    const auto is_aligned = [](const void* address) {
      return reinterpret_cast<std::uintptr_t>(address) % group_bytes == 0;
    };
    return length % elements == 0 && (a.per_channel == 1 || a.per_channel % elements == 0) &&
           a.input_stride % elements == 0 && a.added_stride % elements == 0 &&
           a.output_stride % elements == 0 && is_aligned(a.input) && is_aligned(a.added) &&
           is_aligned(a.output);
  }
};

std::optional<Rows> rows_of(const at::Tensor& x, const at::Tensor& bias, bool silu, const at::Tensor& added,
                            const at::Tensor& out, Row row) {
  const std::int64_t items = x.size(0), channels = x.size(1), pixels = x.size(2) * x.size(3);
  const auto input_stride = row_stride(x, row), output_stride = row_stride(out, row);
  const auto added_stride = added.defined() ? row_stride(added, row) : 0;
  const std::int64_t count = row == Row::item ? items : row == Row::plane ? items * channels : items * pixels;
  const std::int64_t length = row == Row::item ? channels * pixels : row == Row::plane ? pixels : channels;
  if (!input_stride || !added_stride || !output_stride || length > most_counted) return std::nullopt;
  Rows rows{{}, count, length};
  rows.arguments.input = x.const_data_ptr();
  rows.arguments.bias = bias.const_data_ptr();
  rows.arguments.added = added.defined() ? added.const_data_ptr() : nullptr;
  rows.arguments.output = out.mutable_data_ptr();
  rows.arguments.input_stride = *input_stride;
  rows.arguments.added_stride = *added_stride;
  rows.arguments.output_stride = *output_stride;
  rows.arguments.per_channel = static_cast<std::uint32_t>(row == Row::pixel ? 1 : pixels);
  rows.arguments.row_channels = static_cast<std::uint32_t>(row == Row::plane ? channels : 1);
  rows.arguments.silu = silu ? 1 : 0;
  return rows;
}

void advance(EpilogueArguments& arguments, std::int64_t rows, std::int64_t element_size) {
  const auto moved = [&](const void* from, std::int64_t stride) {
    return static_cast<const char*>(from) + rows * stride * element_size;
  };
  arguments.input = moved(arguments.input, arguments.input_stride);
  arguments.output = const_cast<char*>(moved(arguments.output, arguments.output_stride));
  if (arguments.added != nullptr) arguments.added = moved(arguments.added, arguments.added_stride);
}

class CudaEpilogue : public Epilogue {
 public:
  CudaEpilogue(cudaKernel_t groups, cudaKernel_t elements) : groups_(groups), elements_(elements) {}

  at::Tensor finish(at::Tensor output, const at::Tensor& bias, bool silu,
                    const Ending& ending) const override {
    const at::Tensor& target = ending.out.defined() ? ending.out : output;
    for (const at::Tensor& other : {target, ending.added}) {
      TORCH_CHECK(!other.defined() || other.sizes() == output.sizes(), "an output of ", output.sizes(),
                  " does not go with one of ", other.sizes());
    }
    for (const Row row : {Row::item, Row::plane, Row::pixel}) {
      if (const auto rows = rows_of(output, bias, silu, ending.added, target, row)) {
        run(*rows, output.element_size());
        return target;
      }
    }
    if (ending.added.defined() || ending.out.defined())
      return ending.apply(finish(std::move(output), bias, silu, {}));
    output.add_(bias.view({-1, 1, 1}));
    return silu ? at::silu_(output) : output;
  }

  /// Both kernels over nothing, which loads them: within a capture it could not be done.
  void load() const {
    launch(groups_, {});
    launch(elements_, {});
  }

 private:
  void run(const Rows& rows, std::int64_t element_size) const {
    const bool grouped = rows.fit_groups(group_bytes / element_size);
    EpilogueArguments arguments = rows.arguments;
    arguments.groups_per_row =
        static_cast<std::uint32_t>(grouped ? rows.length * element_size / group_bytes : rows.length);
    const std::int64_t in_turn = arguments.row_channels;  // a launch begins with the first channel
    const std::int64_t most_rows =
        std::max<std::int64_t>(most_counted / arguments.groups_per_row / in_turn, 1) * in_turn;
    for (std::int64_t left = rows.count; left > 0; left -= most_rows) {
      const std::int64_t some = std::min(left, most_rows);
      arguments.groups = static_cast<std::uint32_t>(some * arguments.groups_per_row);
      launch(grouped ? groups_ : elements_, arguments);
      if (some < left) advance(arguments, some, element_size);
    }
  }

  static void launch(cudaKernel_t kernel, EpilogueArguments arguments) {
    const std::uint32_t blocks =
        std::max<std::uint32_t>(1, (arguments.groups + threads_of_block - 1) / threads_of_block);
    void* parameters[] = {&arguments};
    C10_CUDA_CHECK(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), dim3(blocks),
                                    dim3(threads_of_block), parameters, 0,
                                    c10::cuda::getCurrentCUDAStream().stream()));
  }

  cudaKernel_t groups_, elements_;
};

Result<std::shared_ptr<const Epilogue>> make_epilogue(at::Device device, at::ScalarType dtype) {
  const c10::cuda::CUDAGuard on_device(device);
  int major = 0, minor = 0;
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device.index()));
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device.index()));
  const auto code = compile_epilogue(fmt::format("sm_{}{}", major, minor), dtype);
  if (!code) return failure(code.error());
  // Stays loaded as long as the process.
  cudaLibrary_t library = nullptr;
  cudaKernel_t groups = nullptr, elements = nullptr;
  cudaError_t status = cudaLibraryLoadData(&library, code->data(), nullptr, nullptr, 0, nullptr, nullptr, 0);
  if (status == cudaSuccess) status = cudaLibraryGetKernel(&groups, library, "finish_groups");
  if (status == cudaSuccess) status = cudaLibraryGetKernel(&elements, library, "finish_elements");
  if (status != cudaSuccess) {
    cudaGetLastError();
    return failure(ErrorKind::runtime,
                   std::string("the device does not take a compiled kernel: ") + cudaGetErrorString(status));
  }
  auto epilogue = std::make_shared<const CudaEpilogue>(groups, elements);
  epilogue->load();
  return epilogue;
}

}  // namespace

Result<std::shared_ptr<const Epilogue>> cuda_epilogue(at::Device device, at::ScalarType dtype) {
  static std::map<std::pair<c10::DeviceIndex, at::ScalarType>, Result<std::shared_ptr<const Epilogue>>> made;
  const std::pair key(device.index(), dtype);
  auto found = made.find(key);
  if (found == made.end()) found = made.emplace(key, make_epilogue(device, dtype)).first;
  return found->second;
}

}  // namespace batchfit
