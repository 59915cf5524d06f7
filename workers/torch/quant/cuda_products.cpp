#include <ATen/ops/cat.h>
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

/// Of a nested absmax, as the fused kernels have it built in.
constexpr std::int64_t fused_nested_block = 256;

/// How a product is made.
struct Way {
  bool fused = false;   ///< by a kernel that reads the 4-bit weights
  bool widens = false;  ///< fused: widens a nested absmax first; else a kernel for each of its parts
  std::int64_t rows_at_a_time = 0;  ///< else: so many of the weights' rows are dequantised, then multiplied
};

/// What matrices of one kind share: rows, columns, block size, code; of a nested absmax block size and parts.
using Kind = std::tuple<std::int64_t, std::int64_t, std::int64_t, FourBitCode, std::int64_t,
                        std::vector<std::int64_t>>;
Kind kind_of(const FourBitMatrix& w) {
  if (!w.nested) return {w.rows, w.columns, w.block_size, w.code, 0, {}};
  return {w.rows, w.columns, w.block_size, w.code, w.nested->block_size, w.nested->parts};
}

/// Whether the fused kernels read its absmax as it is.
bool is_read_as_it_is(const FourBitMatrix& weights) {
  return !weights.nested || weights.nested->block_size == fused_nested_block;
}

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
    return {n <= always_fused && weights.blocks_fit_rows(), !is_read_as_it_is(weights), weights.rows};
  }

  /// All that can be done, from the least memory to the most.
  static std::vector<Way> ways_for(std::int64_t n, at::ScalarType dtype, const FourBitMatrix& weights) {
    const Way all_dequantised{false, false, weights.rows};
    if (!weights.blocks_fit_rows()) return {all_dequantised};
    std::vector<Way> ways;
    if (n <= most_fused_rows) {
      if (is_read_as_it_is(weights)) ways.push_back({true, false, 0});
      // With one row the parts' kernels write side by side, and what widening takes is as long as theirs.
      const bool has_parts = weights.nested && weights.nested->parts.size() > 1;
      if (ways.empty() || (has_parts && n > 1)) ways.push_back({true, true, 0});
    }
    const std::int64_t row_bytes = weights.columns * static_cast<std::int64_t>(c10::elementSize(dtype));
    for (const std::int64_t bytes : bytes_in_cache) {
      const std::int64_t some = std::max<std::int64_t>(1, bytes / row_bytes);
      if (some < weights.rows) ways.push_back({false, false, some});
    }
    ways.push_back(all_dequantised);
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
    if (way.fused) return multiply_packed(input.contiguous(), way.widens ? weights.widened() : weights);
    const FourBitMatrix wide = weights.widened();
    at::Tensor output = at::empty({input.size(0), weights.rows}, input.options());
    for (std::int64_t row = 0; row < weights.rows; row += way.rows_at_a_time) {
      const std::int64_t count = std::min(way.rows_at_a_time, weights.rows - row);
      const bool whole = count == weights.rows;
      const at::Tensor dense = dequantise(whole ? wide : wide.some_rows(row, count), input.scalar_type());
      at::Tensor part = output.narrow(1, row, count);
      at::mm_out(part, input, dense.t());
    }
    return output;
  }

  at::Tensor multiply_packed(const at::Tensor& input, const FourBitMatrix& weights) const {
    const std::int64_t n = input.size(0);
    const at::Tensor output = at::empty({n * weights.rows}, input.options());
    if (!weights.nested || weights.nested->parts.size() == 1) {
      multiply_rows(input, weights, 0, weights.rows, output);
      return output.view({n, weights.rows});
    }
    std::int64_t row = 0;
    for (const std::int64_t count : weights.nested->parts) {
      multiply_rows(input, weights, row, count, output);
      row += count;
    }
    if (n == 1) return output.view({n, weights.rows});  // they lie side by side already
    std::vector<at::Tensor> side_by_side;
    row = 0;
    for (const std::int64_t count : weights.nested->parts) {
      side_by_side.push_back(output.narrow(0, n * row, n * count).view({n, count}));
      row += count;
    }
    return at::cat(side_by_side, 1);
  }

  /// With `count` rows of the weights from `row` on, whose absmax has one offset; [n, count] go to where
  /// those of the rows before end. Counts bytes itself: making views would take longer than the kernel.
  void multiply_rows(const at::Tensor& input, const FourBitMatrix& weights, std::int64_t row,
                     std::int64_t count, const at::Tensor& output) const {
    const std::int64_t n = input.size(0), block = row * weights.columns / weights.block_size;
    auto* out = static_cast<std::byte*>(output.mutable_data_ptr()) +
                n * row * static_cast<std::int64_t>(output.element_size());
    const auto* packed = weights.packed.const_data_ptr<std::uint8_t>() + row * weights.columns / 2;
    const float *absmax = nullptr, *values = nullptr, *offset = nullptr;
    const std::uint8_t* codes = nullptr;
    if (const auto& nested = weights.nested) {
      absmax = nested->maxima.const_data_ptr<float>() + block / nested->block_size;
      codes = nested->codes.const_data_ptr<std::uint8_t>() + block;
      values = nested->values.const_data_ptr<float>();
      offset = nested->offsets.const_data_ptr<float>() + row * nested->offsets.numel() / weights.rows;
    } else {
      absmax = weights.absmax.const_data_ptr<float>() + block;
    }
    library_.multiply[place_of(input.scalar_type())](
        input.const_data_ptr(), packed, absmax, codes, values, offset, out, nullptr, static_cast<int>(n),
        static_cast<int>(count), static_cast<int>(weights.columns), static_cast<int>(weights.block_size),
        static_cast<int>(weights.code), current_stream());
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

bool widen_by_library(const NestedAbsmax& nested, const at::Tensor& out) {
  const Result<Bitsandbytes>& library = Bitsandbytes::library();
  if (!library || !has_block_size(nested.block_size) || out.numel() > most_values) return false;
  library->dequantise_8bit(nested.values.const_data_ptr(), nested.codes.const_data_ptr(),
                           nested.maxima.const_data_ptr(), out.mutable_data_ptr(),
                           static_cast<int>(nested.block_size), static_cast<int>(out.numel()),
                           current_stream());
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
