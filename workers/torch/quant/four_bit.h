#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace batchfit {

/// The two codes of bitsandbytes' 4-bit formats; the numbers are those that its library is called with.
enum class FourBitCode : int { fp4 = 1, nf4 = 2 };

/// The values of the 16 codes, in [-1, 1]. Source: NF4 from QLoRA (arXiv:2305.14314), FP4 a sign, two bits of
/// exponent and one of mantissa over 12, both as bitsandbytes 0.50.2 has them.
const std::array<float, 16>& values_of(FourBitCode code);

/// "nf4" or "fp4".
const char* name_of(FourBitCode code);

/// An absmax that was quantised in turn: absmax[i] = values[codes[i]] · maxima[i / block_size] + the offset
/// of its rows.
struct NestedAbsmax {
  at::Tensor codes;    ///< uint8 [the matrix's blocks]
  at::Tensor maxima;   ///< float32 [the matrix's blocks / block_size, rounded up]
  at::Tensor values;   ///< float32 [256]
  at::Tensor offsets;  ///< float32: one, or one for each group of rows, all of one size
  /// Rows of the matrices that it was joined of, whose offsets differ; each has whole blocks of maxima.
  std::vector<std::int64_t> parts;
  std::int64_t block_size = 256;
};

/// A matrix [rows, columns] in 4 bits: each weight is the value of its code times its block's absmax, blocks
/// running along the rows.
struct FourBitMatrix {
  at::Tensor packed;  ///< uint8 [rows · columns / 2]: two codes a byte, the first in the high half
  at::Tensor absmax;  ///< float32 [blocks]; undefined where it is nested
  std::optional<NestedAbsmax> nested;
  std::int64_t rows = 0, columns = 0;
  std::int64_t block_size = 64;
  FourBitCode code = FourBitCode::nf4;

  std::int64_t blocks() const { return (rows * columns + block_size - 1) / block_size; }
  /// Whether each row begins with a block of its own, as the kernels that multiply 4-bit weights need it.
  bool blocks_fit_rows() const { return columns % block_size == 0; }
  /// `count` rows from `first` on, sharing memory; the first of them must begin with a block. Where absmax is
  /// nested they must be whole parts.
  FourBitMatrix some_rows(std::int64_t first, std::int64_t count) const;
  /// The same with its absmax in float32, which is computed where it is nested.
  FourBitMatrix widened() const;
};

/// The weights [rows, columns] in the dtype: products in float32, then rounded, bit for bit what
/// bitsandbytes' CUDA kernels give. Plain ATen, on any device; takes several times the matrix's memory
/// meanwhile.
at::Tensor dequantise(const FourBitMatrix& matrix, at::ScalarType dtype);

/// Into a dense tensor by bitsandbytes' kernel, on the current stream; false, and nothing done, where it is
/// not there or has no such block size.
bool dequantise_by_library(const at::Tensor& packed, const at::Tensor& absmax, std::int64_t block_size,
                           FourBitCode code, const at::Tensor& out);

/// Likewise values[codes] · maxima into float32 [blocks], without the offsets.
bool widen_by_library(const NestedAbsmax& nested, const at::Tensor& out);

// Of tensors of any shape [..., n], whose last dimension is cut into blocks: packed uint8 [..., n / 2],
// absmax float32 [..., blocks]. ATen operations alone, which a captured graph repeats.
void quantise_nf4(const at::Tensor& values, const at::Tensor& packed, const at::Tensor& absmax);
at::Tensor dequantise_nf4(const at::Tensor& packed, const at::Tensor& absmax, at::ScalarType dtype);

/// Products of activations with 4-bit weights on one device.
class FourBitProducts {
 public:
  virtual ~FourBitProducts() = default;

  /// input [n, columns], its rows contiguous, → input · weightsᵀ [n, rows] in the input's dtype.
  virtual at::Tensor multiply(const at::Tensor& input, const FourBitMatrix& weights) = 0;

  /// To be called before passes whose products have inputs of n rows, outside of a capture.
  virtual void prepare(std::int64_t n, at::ScalarType dtype) = 0;

  /// Tells of a matrix of the model, for `prepare` to measure with.
  virtual void add(const FourBitMatrix& weights) = 0;

  /// What makes them: measurements with one say nothing of another.
  virtual const char* name() const = 0;

  /// A line for people on how products are made; empty where there is nothing to say.
  virtual std::string note() const = 0;
};

/// Dequantises before each product, by ATen. `note`: a line for people.
std::unique_ptr<FourBitProducts> portable_products(std::string note = {});

/// bitsandbytes' kernels, on the current stream, or dequantised weights and cuBLAS, whichever was faster when
/// it was measured for the shape; portable products, which the note says, where its library is not there.
std::unique_ptr<FourBitProducts> cuda_products();

}  // namespace batchfit
