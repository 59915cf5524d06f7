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

  /// values of 8-bit codes (else null), codes, absmax, out, block size, number of values, stream
  using Dequantise = void (*)(const void*, const void*, const void*, void*, int, int, void*);
  /// input, packed, absmax; of a nested one, whose maxima of 256 blocks take its place, codes, values and
  /// offset (else null); out, bias (null); M, N, K, block size, code, stream: out [M, N] = input [M, K] ·
  /// weights [N, K]ᵀ
  using Multiply = void (*)(const void*, const void*, const void*, const void*, const void*, const void*,
                            void*, const void*, int, int, int, int, int, void*);

  std::array<Dequantise, 3> dequantise_nf4{}, dequantise_fp4{};
  std::array<Multiply, 3> multiply{};
  Dequantise dequantise_8bit = nullptr;  ///< to fp32

  /// Opens the library once: the file, or the folder with it, that $BATCHFIT_BITSANDBYTES names; else that of
  /// the package beside torch or on PYTHONPATH. unavailable error with the remedy where there is none.
  static const Result<Bitsandbytes>& library();
};

}  // namespace batchfit
