#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/Exception.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <tuple>
#include <vector>

#include "quant/bitsandbytes.h"
#include "quant/four_bit.h"

namespace batchfit {
namespace {

/// Beyond it bitsandbytes itself multiplies no 4-bit weights: they are dequantised.
constexpr std::int64_t most_fused_rows = 1536;
/// More rows are made like this many: there dequantising no longer counts, and measuring would take long.
constexpr std::int64_t most_measured_rows = 2048;
/// Of matrices timed one after the other, as a pass meets them: fewer bytes would stay in the L2 cache.
constexpr std::size_t bytes_of_samples = 128 << 20;
constexpr std::size_t most_samples = 8;
/// With more rows than this the products themselves take long enough to hide the cache.
constexpr std::int64_t rows_of_one_sample = 512;
constexpr int repetitions = 2;
/// A way that takes more memory must be faster by this factor, so that noise does not decide.
constexpr double clearly = 0.97;
/// Dequantised weights of these sizes may still be in the L2 cache (50 MB on Hopper) when cuBLAS reads them.
constexpr std::array<std::int64_t, 2> bytes_in_cache{24 << 20, 48 << 20};
/// Of the values that one call of the library takes; it counts them in 32 bits.
constexpr std::int64_t most_values = std::numeric_limits<int>::max();

/// How a product is made.
struct Way {
  bool fused = false;               ///< by a kernel that reads the 4-bit weights
  std::int64_t rows_at_a_time = 0;  ///< else: so many of the weights' rows are dequantised, then multiplied
};

/// What matrices of one kind share.
using Kind = std::tuple<std::int64_t, std::int64_t, std::int64_t, FourBitCode>;  // rows, columns, block, code
Kind kind_of(const FourBitMatrix& w) { return {w.rows, w.columns, w.block_size, w.code}; }

std::size_t place_of(at::ScalarType dtype) {
  if (dtype == at::kBFloat16) return Bitsandbytes::bf16;
  if (dtype == at::kHalf) return Bitsandbytes::fp16;
  TORCH_CHECK(dtype == at::kFloat, "4-bit products are made in bf16, fp16 and fp32 alone");
  return Bitsandbytes::fp32;
}

void* current_stream() { return c10::cuda::getCurrentCUDAStream().stream(); }

/// The block sizes that the library's kernels are made for.
bool has_block_size(std::int64_t size) { return size >= 32 && size <= 4096 && (size & (size - 1)) == 0; }

class CudaProducts : public FourBitProducts {
 public:
  explicit CudaProducts(const Bitsandbytes& library) : library_(library) {}

  at::Tensor multiply(const at::Tensor& input, const FourBitMatrix& weights) override {
    return run(way_of(input.size(0), input.scalar_type(), weights), input, weights);
  }

  void add(const FourBitMatrix& weights) override {
    std::vector<FourBitMatrix>& samples = samples_[kind_of(weights)];
    const std::size_t bytes = samples.size() * weights.packed.nbytes();  // they are of one size
    if (samples.size() < most_samples && bytes < bytes_of_samples) samples.push_back(weights);
  }

  void prepare(std::int64_t n, at::ScalarType dtype) override {
    n = std::min(n, most_measured_rows);
    bool measured = false;
    for (const auto& [kind, samples] : samples_) {
      if (chosen_.contains({n, dtype, kind})) continue;
      chosen_[{n, dtype, kind}] = fastest(n, dtype, samples);
      measured = true;
    }
    // What measuring took is none of the memory of the pass that follows.
    if (measured) c10::cuda::CUDACachingAllocator::emptyCache();
  }

  const char* name() const override { return "bitsandbytes"; }

  std::string note() const override {
    return "4-bit products: bitsandbytes' kernels, or dequantised weights and cuBLAS, as measured for each "
           "shape";
  }

 private:
  Way way_of(std::int64_t n, at::ScalarType dtype, const FourBitMatrix& weights) const {
    const auto found = chosen_.find({std::min(n, most_measured_rows), dtype, kind_of(weights)});
    if (found != chosen_.end()) return found->second;
    constexpr std::int64_t always_fused = 4;  // as bitsandbytes has it
    return {n <= always_fused && weights.blocks_fit_rows(), weights.rows};
  }

  /// All that can be done, from the least memory to the most.
  static std::vector<Way> ways_for(std::int64_t n, at::ScalarType dtype, const FourBitMatrix& weights) {
    if (!weights.blocks_fit_rows()) return {{false, weights.rows}};
    std::vector<Way> ways;
    if (n <= most_fused_rows) ways.push_back({true, 0});
    const std::int64_t row_bytes = weights.columns * static_cast<std::int64_t>(c10::elementSize(dtype));
    for (const std::int64_t bytes : bytes_in_cache) {
      const std::int64_t some = std::max<std::int64_t>(1, bytes / row_bytes);
      if (some < weights.rows) ways.push_back({false, some});
    }
    ways.push_back({false, weights.rows});
    return ways;
  }

  Way fastest(std::int64_t n, at::ScalarType dtype, const std::vector<FourBitMatrix>& samples) const {
    const FourBitMatrix& first = samples.front();
    const std::vector<Way> ways = ways_for(n, dtype, first);
    if (ways.size() == 1) return ways.front();
    const auto options = at::TensorOptions().device(first.packed.device()).dtype(dtype);
    const at::Tensor input = at::empty({n, first.columns}, options).fill_(1);
    Way best;
    float shortest = std::numeric_limits<float>::infinity();
    for (const Way& way : ways) {
      const float time = time_of(way, input, samples);
      if (time < clearly * shortest) best = way;
      shortest = std::min(shortest, time);
    }
    return best;
  }

  /// Milliseconds of a product with each of the samples.
  float time_of(const Way& way, const at::Tensor& input, const std::vector<FourBitMatrix>& samples) const {
    const std::size_t count = input.size(0) > rows_of_one_sample ? 1 : samples.size();
    cudaEvent_t start = nullptr, end = nullptr;
    C10_CUDA_CHECK(cudaEventCreate(&start));
    C10_CUDA_CHECK(cudaEventCreate(&end));
    const cudaStream_t stream = c10::cuda::getCurrentCUDAStream().stream();
    float shortest = std::numeric_limits<float>::infinity();
    for (int i = 0; i <= repetitions; ++i) {  // the first loads the kernels
      C10_CUDA_CHECK(cudaEventRecord(start, stream));
      for (std::size_t k = 0; k < count; ++k) run(way, input, samples[k]);
      C10_CUDA_CHECK(cudaEventRecord(end, stream));
      C10_CUDA_CHECK(cudaEventSynchronize(end));
      float time = 0;
      C10_CUDA_CHECK(cudaEventElapsedTime(&time, start, end));
      if (i > 0) shortest = std::min(shortest, time);
    }
    cudaEventDestroy(start);
    cudaEventDestroy(end);
    return shortest;
  }

  at::Tensor run(const Way& way, const at::Tensor& input, const FourBitMatrix& weights) const {
    at::Tensor output = at::empty({input.size(0), weights.rows}, input.options());
    if (way.fused) {
      multiply_packed(input.contiguous(), weights, output);
      return output;
    }
    for (std::int64_t row = 0; row < weights.rows; row += way.rows_at_a_time) {
      const std::int64_t count = std::min(way.rows_at_a_time, weights.rows - row);
      const bool whole = count == weights.rows;
      const at::Tensor dense =
          dequantise(whole ? weights : weights.some_rows(row, count), input.scalar_type());
      at::Tensor part = output.narrow(1, row, count);
      at::mm_out(part, input, dense.t());
    }
    return output;
  }

  void multiply_packed(const at::Tensor& input, const FourBitMatrix& weights,
                       const at::Tensor& output) const {
    library_.multiply[place_of(input.scalar_type())](
        input.const_data_ptr(), weights.packed.const_data_ptr(), weights.absmax.const_data_ptr(), nullptr,
        nullptr, nullptr, output.mutable_data_ptr(), nullptr, static_cast<int>(input.size(0)),
        static_cast<int>(weights.rows), static_cast<int>(weights.columns),
        static_cast<int>(weights.block_size), static_cast<int>(weights.code), current_stream());
    C10_CUDA_KERNEL_LAUNCH_CHECK();
  }

  const Bitsandbytes& library_;
  std::map<Kind, std::vector<FourBitMatrix>> samples_;
  std::map<std::tuple<std::int64_t, at::ScalarType, Kind>, Way> chosen_;
};

}  // namespace

bool dequantise_by_library(const at::Tensor& packed, const at::Tensor& absmax, std::int64_t block_size,
                           FourBitCode code, const at::Tensor& out) {
  const Result<Bitsandbytes>& library = Bitsandbytes::library();
  if (!library || !has_block_size(block_size) || out.numel() > most_values) return false;
  const auto& kernels = code == FourBitCode::nf4 ? library->dequantise_nf4 : library->dequantise_fp4;
  kernels[place_of(out.scalar_type())](nullptr, packed.const_data_ptr(), absmax.const_data_ptr(),
                                       out.mutable_data_ptr(), static_cast<int>(block_size),
                                       static_cast<int>(out.numel()), current_stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return true;
}

std::unique_ptr<FourBitProducts> cuda_products() {
  const Result<Bitsandbytes>& library = Bitsandbytes::library();
  if (library) return std::make_unique<CudaProducts>(*library);
  return portable_products("4-bit products: slow, by ATen alone, because " + library.error().message + "; " +
                           library.error().remedy);
}

}  // namespace batchfit
