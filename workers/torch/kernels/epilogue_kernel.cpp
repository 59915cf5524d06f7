#include "kernels/epilogue_kernel.h"

#include <c10/util/Exception.h>

#include "kernels/nvrtc.h"

namespace batchfit {
namespace {

/// Includes nothing, so that no headers need be found.
constexpr const char* source = R"cuda(
#if defined(ELEMENT_FP32)
typedef float Element;
__device__ float widen(Element element) { return element; }
__device__ Element narrow(float value) { return value; }
#elif defined(ELEMENT_FP16)
typedef unsigned short Element;
__device__ float widen(Element element) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(element));
  return value;
}
__device__ Element narrow(float value) {
  Element element;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(element) : "f"(value));
  return element;
}
#elif defined(ELEMENT_BF16)
typedef unsigned short Element;
__device__ float widen(Element element) { return __uint_as_float((unsigned)element << 16); }
__device__ Element narrow(float value) {
  if (value != value) return 0x7fff;
  const unsigned bits = __float_as_uint(value);
  return (Element)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);  // to the nearest, ties to even
}
#endif

struct Arguments {
  const Element *input, *bias, *added;
  Element* output;
  long long input_stride, added_stride, output_stride;
  unsigned groups, groups_per_row, per_channel, row_channels, silu;
};

template <unsigned size>
struct alignas(size * sizeof(Element)) Group {
  Element at[size];
};

template <unsigned size>
__device__ Group<size>& group_at(const Element* base, unsigned row, long long stride, unsigned column) {
  return *(Group<size>*)(base + row * stride + column);
}

// The fast exponential and division err by a few units of float32's last place, and saturate as SiLU does.
__device__ float silu(float x) { return __fdividef(x, 1 + __expf(-x)); }

template <unsigned size>
__device__ void finish(const Arguments& arguments) {
  const unsigned index = blockIdx.x * blockDim.x + threadIdx.x;
  if (index >= arguments.groups) return;
  const unsigned row = index / arguments.groups_per_row;
  const unsigned column = (index - row * arguments.groups_per_row) * size;
  Group<size> group = group_at<size>(arguments.input, row, arguments.input_stride, column);
  Group<size> added;
  if (arguments.added) added = group_at<size>(arguments.added, row, arguments.added_stride, column);
  float value[size];
  if (arguments.per_channel == 1) {
    for (unsigned i = 0; i < size; ++i) value[i] = widen(arguments.bias[column + i]);
  } else {
    const unsigned channel = row % arguments.row_channels + column / arguments.per_channel;
    const float bias = widen(arguments.bias[channel]);
    for (unsigned i = 0; i < size; ++i) value[i] = bias;
  }
  for (unsigned i = 0; i < size; ++i) value[i] += widen(group.at[i]);
  if (arguments.silu) {
    for (unsigned i = 0; i < size; ++i) value[i] = silu(value[i]);
  }
  if (arguments.added) {
    for (unsigned i = 0; i < size; ++i) value[i] += widen(added.at[i]);
  }
  for (unsigned i = 0; i < size; ++i) group.at[i] = narrow(value[i]);
  group_at<size>(arguments.output, row, arguments.output_stride, column) = group;
}

extern "C" __global__ void __launch_bounds__(256) finish_groups(const Arguments arguments) {
  finish<16 / sizeof(Element)>(arguments);
}
extern "C" __global__ void __launch_bounds__(256) finish_elements(const Arguments arguments) {
  finish<1>(arguments);
}
)cuda";

const char* macro_of(at::ScalarType dtype) {
  if (dtype == at::kHalf) return "--define-macro=ELEMENT_FP16";
  if (dtype == at::kBFloat16) return "--define-macro=ELEMENT_BF16";
  TORCH_CHECK(dtype == at::kFloat, "epilogues are made in fp32, fp16 and bf16 alone");
  return "--define-macro=ELEMENT_FP32";
}

}  // namespace

Result<std::string> compile_epilogue(const std::string& architecture, at::ScalarType dtype) {
  // Denormal numbers are too small to matter, and cost a fifth of the instructions.
  return compile_cuda(source, architecture, {"--std=c++17", "--ftz=true", macro_of(dtype)});
}

}  // namespace batchfit
