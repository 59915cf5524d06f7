#include "quant/four_bit.h"

#include <ATen/ops/bucketize.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

namespace batchfit {
namespace {

/// Below it a block is all zeros; dividing by it gives zeros, where dividing by 0 would not.
constexpr double smallest_absmax = 1e-6;

/// Constants on a device. Kept for the life of the process: a captured graph may read them, and cannot make
/// them.
struct Tables {
  at::Tensor of_bytes;    ///< the two values of each byte, float32 [256, 2]
  at::Tensor boundaries;  ///< between neighbouring values, float32 [15]; of NF4, whose values ascend
};

Tables make_tables(FourBitCode code, at::Device device) {
  const auto& values = values_of(code);
  std::vector<float> of_bytes, boundaries;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    of_bytes.push_back(values[byte / 16]);
    of_bytes.push_back(values[byte % 16]);
  }
  for (std::size_t i = 1; i < values.size(); ++i) boundaries.push_back((values[i - 1] + values[i]) / 2);
  return {at::tensor(of_bytes).view({256, 2}).to(device), at::tensor(boundaries).to(device)};
}

const Tables& tables_of(FourBitCode code, at::Device device) {
  using Key = std::pair<FourBitCode, at::Device>;
  static std::mutex mutex;
  static auto& made =
      *new std::vector<std::pair<Key, std::unique_ptr<Tables>>>;  // CUDA may end before statics do
  const std::lock_guard lock(mutex);
  const Key key{code, device};
  const auto found =
      std::find_if(made.begin(), made.end(), [&](const auto& entry) { return entry.first == key; });
  if (found != made.end()) return *found->second;
  return *made.emplace_back(key, std::make_unique<Tables>(make_tables(code, device))).second;
}

/// float32 [bytes · 2] in the order of the codes.
at::Tensor values_of_bytes(const at::Tensor& packed, FourBitCode code) {
  return tables_of(code, packed.device()).of_bytes.index_select(0, packed.to(at::kInt).view({-1})).view({-1});
}

/// The parts that make up just these rows.
std::vector<std::int64_t> parts_within(const std::vector<std::int64_t>& parts, std::int64_t first,
                                       std::int64_t count) {
  std::vector<std::int64_t> within;
  std::int64_t row = 0, found = 0;
  for (const std::int64_t part : parts) {
    if (row >= first && row + part <= first + count) {
      within.push_back(part);
      found += part;
    }
    row += part;
  }
  TORCH_CHECK(found == count, "rows that cut through the parts of a nested absmax");
  return within;
}

class PortableProducts : public FourBitProducts {
 public:
  explicit PortableProducts(std::string note) : note_(std::move(note)) {}
  at::Tensor multiply(const at::Tensor& input, const FourBitMatrix& weights) override {
    return at::linear(input, dequantise(weights, input.scalar_type()));
  }
  void prepare(std::int64_t /*n*/, at::ScalarType /*dtype*/) override {}
  void add(const FourBitMatrix& /*weights*/) override {}
  const char* name() const override { return "ATen"; }
  std::string note() const override { return note_; }

 private:
  std::string note_;
};

}  // namespace

const std::array<float, 16>& values_of(FourBitCode code) {
  static constexpr std::array<float, 16> nf4{-1.0F,        -0.69619280F, -0.52507305F,  -0.39491749F,
                                             -0.28444138F, -0.18477343F, -0.091050036F, 0.0F,
                                             0.079580300F, 0.16093020F,  0.24611230F,   0.33791524F,
                                             0.44070983F,  0.56261700F,  0.72295684F,   1.0F};
  static constexpr std::array<float, 16> fp4{
      0.0F,  0.0625F / 12,  8.0F / 12,  1.0F,  4.0F / 12,  0.5F,  2.0F / 12,  0.25F,
      -0.0F, -0.0625F / 12, -8.0F / 12, -1.0F, -4.0F / 12, -0.5F, -2.0F / 12, -0.25F};
  return code == FourBitCode::nf4 ? nf4 : fp4;
}

const char* name_of(FourBitCode code) { return code == FourBitCode::nf4 ? "nf4" : "fp4"; }

FourBitMatrix FourBitMatrix::some_rows(std::int64_t first, std::int64_t count) const {
  FourBitMatrix part = *this;
  part.rows = count;
  part.packed = packed.narrow(0, first * columns / 2, (count * columns + 1) / 2);
  const std::int64_t first_block = first * columns / block_size;
  if (!nested) {
    part.absmax = absmax.narrow(0, first_block, part.blocks());
    return part;
  }
  part.nested->parts = parts_within(nested->parts, first, count);
  part.nested->codes = nested->codes.narrow(0, first_block, part.blocks());
  const std::int64_t size = nested->block_size;
  part.nested->maxima = nested->maxima.narrow(0, first_block / size, (part.blocks() + size - 1) / size);
  const std::int64_t rows_of_offset = rows / nested->offsets.numel();
  part.nested->offsets = nested->offsets.narrow(0, first / rows_of_offset, count / rows_of_offset);
  return part;
}

FourBitMatrix FourBitMatrix::widened() const {
  if (!nested) return *this;
  FourBitMatrix wide = *this;
  wide.nested.reset();
  if (packed.is_cuda()) wide.absmax = at::empty({blocks()}, packed.options().dtype(at::kFloat));
  if (!packed.is_cuda() || !widen_by_library(*nested, wide.absmax)) {
    wide.absmax = nested->values.index_select(0, nested->codes.to(at::kInt));
    wide.absmax.mul_(nested->maxima.repeat_interleave(nested->block_size).narrow(0, 0, blocks()));
  }
  wide.absmax.view({nested->offsets.numel(), -1}).add_(nested->offsets.unsqueeze(1));
  return wide;
}

at::Tensor dequantise(const FourBitMatrix& matrix, at::ScalarType dtype) {
  if (matrix.nested) return dequantise(matrix.widened(), dtype);
  if (matrix.packed.is_cuda()) {
    const at::Tensor out = at::empty({matrix.rows, matrix.columns}, matrix.packed.options().dtype(dtype));
    if (dequantise_by_library(matrix.packed, matrix.absmax, matrix.block_size, matrix.code, out)) return out;
  }
  at::Tensor values = values_of_bytes(matrix.packed, matrix.code);
  const std::int64_t whole = matrix.blocks() * matrix.block_size;
  const std::int64_t count = matrix.rows * matrix.columns;
  if (whole != values.numel()) values = at::constant_pad_nd(values, {0, whole - values.numel()});
  values.view({-1, matrix.block_size}).mul_(matrix.absmax.view({-1, 1}));
  return values.narrow(0, 0, count).view({matrix.rows, matrix.columns}).to(dtype);
}

void quantise_nf4(const at::Tensor& values, const at::Tensor& packed, const at::Tensor& absmax) {
  std::vector<std::int64_t> in_blocks = absmax.sizes().vec();
  in_blocks.push_back(values.size(-1) / absmax.size(-1));
  const at::Tensor blocks = values.to(at::kFloat).reshape(in_blocks);
  const at::Tensor largest = blocks.abs().amax(-1).clamp_min_(smallest_absmax);
  absmax.copy_(largest);
  const at::Tensor codes = at::bucketize(blocks.div(largest.unsqueeze(-1)).contiguous(),
                                         tables_of(FourBitCode::nf4, values.device()).boundaries,
                                         /*out_int32=*/true);
  std::vector<std::int64_t> in_pairs = packed.sizes().vec();
  in_pairs.push_back(2);
  const at::Tensor pairs = codes.view(in_pairs);
  packed.copy_(pairs.select(-1, 0).mul(16).add_(pairs.select(-1, 1)));
}

at::Tensor dequantise_nf4(const at::Tensor& packed, const at::Tensor& absmax, at::ScalarType dtype) {
  std::vector<std::int64_t> shape = packed.sizes().vec();
  shape.back() *= 2;
  if (packed.is_cuda()) {
    const at::Tensor out = at::empty(shape, packed.options().dtype(dtype));
    const std::int64_t block_size = shape.back() / absmax.size(-1);
    if (dequantise_by_library(packed.contiguous(), absmax.contiguous(), block_size, FourBitCode::nf4, out))
      return out;
  }
  const at::Tensor values = values_of_bytes(packed.contiguous(), FourBitCode::nf4);
  values.view({absmax.numel(), -1}).mul_(absmax.reshape({-1, 1}));
  return values.view(shape).to(dtype);
}

std::unique_ptr<FourBitProducts> portable_products(std::string note) {
  return std::make_unique<PortableProducts>(std::move(note));
}

}  // namespace batchfit
