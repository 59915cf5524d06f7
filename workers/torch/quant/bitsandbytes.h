#pragma once

#include <array>
#include <cstddef>

#include "base/error.h"

namespace batchfit {

/// The C functions of bitsandbytes' native library (0.50.2, from its PyPI wheel) that 4-bit products need.
/// Pointers are to the device's memory; work goes to the stream given, and can be captured.
struct Bitsandbytes {
  /// The dtypes that it has kernels for, in the order of the arrays.
  enum Dtype : std::size_t { bf16, fp16, fp32 };

  /// code (null), packed, absmax, out, block size, number of values, stream
  using Dequantise = void (*)(const void*, const void*, const void*, void*, int, int, void*);
  /// input, packed, absmax, then of an absmax in 8 bits (null) codes, their values and offset; out, bias
  /// (null); M, N, K, block size, code, stream: out [M, N] = input [M, K] · weights [N, K]ᵀ
  using Multiply = void (*)(const void*, const void*, const void*, const void*, const void*, const void*,
                            void*, const void*, int, int, int, int, int, void*);

  std::array<Dequantise, 3> dequantise_nf4{}, dequantise_fp4{};
  std::array<Multiply, 3> multiply{};

  /// Opens the library once: the file, or the folder with it, that $BATCHFIT_BITSANDBYTES names; else that of
  /// the package beside torch or on PYTHONPATH. unavailable error with the remedy where there is none.
  static const Result<Bitsandbytes>& library();
};

}  // namespace batchfit
