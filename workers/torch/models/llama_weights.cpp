#include "models/llama_weights.h"

#include <ATen/Context.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/repeat_interleave.h>
#include <ATen/ops/zeros.h>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>

#include "file_weights.h"
#include "files/bytes.h"
#include "quant/quant_state.h"

namespace batchfit {
namespace {

constexpr const char* remedy = "give a folder whose config.json and weights belong together";

std::string text_of(at::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

bool ends_branch(const std::string& name) {
  return std::string_view(name).ends_with("o_proj") || std::string_view(name).ends_with("down_proj");
}

/// The largest value of random weights that keeps the scale of what is multiplied with them.
double largest_value(const std::string& name, std::int64_t columns) {
  constexpr double branch_scale = 1.0 / 8;
  return std::sqrt(3.0 / static_cast<double>(columns)) * (ends_branch(name) ? branch_scale : 1.0);
}

std::int64_t rows_of(const std::vector<MatrixName>& names) {
  std::int64_t rows = 0;
  for (const MatrixName& matrix : names) rows += matrix.rows;
  return rows;
}

/// Of a file's 16 values: they may differ from the code's in the last digit alone.
bool is_map_of(FourBitCode code, files::ByteSpan bytes) {
  const auto& expected = values_of(code);
  if (bytes.size() != sizeof(expected)) return false;
  std::array<float, 16> found{};
  std::memcpy(found.data(), bytes.data(), bytes.size());
  constexpr float rounding = 1e-6F;
  return std::equal(found.begin(), found.end(), expected.begin(),
                    [](float a, float b) { return std::abs(a - b) <= rounding; });
}

/// One dense matrix of several; as they are where one is in 4 bits.
std::vector<MatrixWeights> joined_where_dense(std::vector<MatrixWeights> parts) {
  std::vector<at::Tensor> dense;
  for (const MatrixWeights& part : parts) {
    if (const auto* tensor = std::get_if<at::Tensor>(&part)) dense.push_back(*tensor);
  }
  if (dense.size() < 2 || dense.size() < parts.size()) return parts;
  return {at::cat(dense)};
}

}  // namespace

RandomLlamaWeights::RandomLlamaWeights(at::Device device, at::ScalarType dtype, std::int64_t seed,
                                       std::optional<FourBitCode> four_bit)
    : LlamaWeights(device, dtype), four_bit_(four_bit) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  generator.set_current_seed(static_cast<std::uint64_t>(seed));
}

at::Tensor RandomLlamaWeights::tensor(const std::string& name, at::IntArrayRef shape) {
  const at::Tensor values = at::empty(shape, at::TensorOptions().device(device()).dtype(dtype()));
  constexpr double near_one = 0.125;
  if (shape.size() == 1) return values.uniform_(1 - near_one, 1 + near_one);
  const double largest = largest_value(name, shape.back());
  return values.uniform_(-largest, largest);
}

std::vector<MatrixWeights> RandomLlamaWeights::matrices(const std::vector<MatrixName>& names,
                                                        std::int64_t columns) {
  constexpr std::int64_t block_size = 64;
  const std::int64_t rows = rows_of(names);
  if (!four_bit_) return {tensor(names.front().name, {rows, columns})};
  FourBitMatrix matrix = empty_four_bit(rows, columns, block_size, *four_bit_, device());
  matrix.packed.random_(0, 256);
  const double largest = largest_value(names.front().name, columns);
  matrix.absmax.uniform_(largest / 2, largest);
  return {matrix};
}

CheckpointLlamaWeights::CheckpointLlamaWeights(std::shared_ptr<const files::Checkpoint> checkpoint,
                                               at::Device device, at::ScalarType dtype)
    : LlamaWeights(device, dtype), checkpoint_(std::move(checkpoint)), reader_(device) {
  reader_.include(dump_json(checkpoint_->config()));
}

const files::NamedTensor* CheckpointLlamaWeights::find(const std::string& name) {
  used_.insert(name);
  return checkpoint_->find(name);
}

const files::NamedTensor* CheckpointLlamaWeights::find(const std::string& name, files::ElementType type,
                                                       std::int64_t count) {
  const files::NamedTensor* stored = find(name);
  const auto bytes = static_cast<std::size_t>(count * files::size_of(type));
  if (stored != nullptr && stored->type == type && stored->bytes.size() == bytes) return stored;
  fail({ErrorKind::usage,
        stored == nullptr
            ? fmt::format("there is no '{}', where {} values of {} are expected", name, count,
                          files::name_of(type))
            : fmt::format("'{}' has shape {} of {}, where {} values of {} are expected", name,
                          text_of(stored->shape), files::name_of(stored->type), count, files::name_of(type)),
        remedy});
  return nullptr;
}

at::Tensor CheckpointLlamaWeights::tensor(const std::string& name, at::IntArrayRef shape) {
  const auto nothing = [&] { return at::zeros(shape, at::TensorOptions().device(device()).dtype(dtype())); };
  const files::NamedTensor* stored = find(name);
  if (stored == nullptr) {
    fail({ErrorKind::usage,
          fmt::format("there is no weight '{}', where one of shape {} is expected", name, text_of(shape)),
          remedy});
    return nothing();
  }
  if (at::IntArrayRef(stored->shape) != shape || !at::isFloatingType(scalar_type_of(stored->type))) {
    fail({ErrorKind::usage,
          fmt::format("weight '{}' is of shape {} and {}, where {} of floating-point numbers is expected",
                      name, text_of(stored->shape), files::name_of(stored->type), text_of(shape)),
          remedy});
    return nothing();
  }
  return reader_.read(*stored).to(dtype());
}

std::optional<FourBitMatrix> CheckpointLlamaWeights::layout_of(const MatrixName& matrix,
                                                               std::int64_t columns) {
  const std::string weight = matrix.name + ".weight";
  for (const FourBitCode code : {FourBitCode::nf4, FourBitCode::fp4}) {
    const std::string name = fmt::format("{}.quant_state.bitsandbytes__{}", weight, name_of(code));
    const files::NamedTensor* stored = find(name);
    if (stored == nullptr) continue;
    const auto state = quant_state_from(files::text_of(stored->bytes));
    if (!state) {
      fail({ErrorKind::usage, fmt::format("the quant_state of '{}' {}", weight, state.error().message),
            remedy});
    } else if (state->shape != std::vector<std::int64_t>{matrix.rows, columns} || state->code != code) {
      fail({ErrorKind::usage,
            fmt::format("the quant_state of '{}' is of {} and shape {}, where {} and {} are expected", weight,
                        name_of(state->code), text_of(state->shape), name_of(code),
                        text_of({matrix.rows, columns})),
            remedy});
    }
    return FourBitMatrix{{}, {}, matrix.rows, columns, state ? state->block_size : 64, code};
  }
  return std::nullopt;
}

std::vector<MatrixWeights> CheckpointLlamaWeights::matrices(const std::vector<MatrixName>& names,
                                                            std::int64_t columns) {
  std::vector<std::optional<FourBitMatrix>> layouts;
  layouts.reserve(names.size());
  for (const MatrixName& matrix : names) layouts.push_back(layout_of(matrix, columns));
  const auto joins = [&](const std::optional<FourBitMatrix>& layout) {
    return layout && layout->code == layouts.front()->code &&
           layout->block_size == layouts.front()->block_size &&
           layout->rows * layout->columns % layout->block_size == 0;
  };
  if (layouts.front() && std::all_of(layouts.begin(), layouts.end(), joins)) {
    const FourBitMatrix& like = *layouts.front();
    FourBitMatrix joined = empty_four_bit(rows_of(names), columns, like.block_size, like.code, device());
    std::int64_t row = 0;
    for (const MatrixName& matrix : names) {
      read_four_bit(matrix.name, joined.some_rows(row, matrix.rows));
      row += matrix.rows;
    }
    return {joined};
  }
  std::vector<MatrixWeights> parts;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!layouts[i]) {
      parts.emplace_back(tensor(names[i].name + ".weight", {names[i].rows, columns}));
      continue;
    }
    const FourBitMatrix& like = *layouts[i];
    FourBitMatrix matrix = empty_four_bit(like.rows, columns, like.block_size, like.code, device());
    read_four_bit(names[i].name, matrix);
    parts.emplace_back(std::move(matrix));
  }
  return joined_where_dense(std::move(parts));
}

void CheckpointLlamaWeights::read_four_bit(const std::string& name, const FourBitMatrix& out) {
  const std::string weight = name + ".weight";
  const auto* packed = find(weight, files::ElementType::uint8, out.packed.numel());
  const auto* map = find(weight + ".quant_map", files::ElementType::float32, 16);
  if (packed == nullptr || map == nullptr) return;
  if (!is_map_of(out.code, map->bytes)) {
    fail({ErrorKind::usage,
          fmt::format("'{}.quant_map' does not hold the values of {}", weight, name_of(out.code)), remedy});
  }
  reader_.read_into(packed->bytes, out.packed);

  const std::string state_name = fmt::format("{}.quant_state.bitsandbytes__{}", weight, name_of(out.code));
  const auto state = quant_state_from(files::text_of(checkpoint_->find(state_name)->bytes));
  if (!state) return;  // an error already
  const std::int64_t blocks = out.blocks();
  if (!state->nested) {
    const auto* absmax = find(weight + ".absmax", files::ElementType::float32, blocks);
    if (absmax != nullptr) reader_.read_into(absmax->bytes, out.absmax);
    return;
  }
  const std::int64_t nested_size = state->nested->block_size;
  const std::int64_t nested_blocks = (blocks + nested_size - 1) / nested_size;
  const auto* codes = find(weight + ".absmax", files::ElementType::uint8, blocks);
  const auto* nested = find(weight + ".nested_absmax", files::ElementType::float32, nested_blocks);
  const auto* values = find(weight + ".nested_quant_map", files::ElementType::float32, 256);
  if (codes == nullptr || nested == nullptr || values == nullptr) return;
  const at::Tensor scales = reader_.read(*nested).repeat_interleave(nested_size).narrow(0, 0, blocks);
  const at::Tensor absmax = reader_.read(*values).index_select(0, reader_.read(*codes).to(at::kInt));
  out.absmax.copy_(absmax.mul_(scales).add_(static_cast<float>(state->nested->offset)));
}

void CheckpointLlamaWeights::check_all_used(bool tied_embeddings) {
  for (const files::NamedTensor* tensor : checkpoint_->tensors()) {
    const std::string_view name = tensor->name;
    const bool left_out = name.ends_with("rotary_emb.inv_freq") ||  // of checkpoints from 2023
                          (tied_embeddings && name == "lm_head.weight");
    if (left_out || used_.contains(tensor->name)) continue;
    fail({ErrorKind::usage,
          fmt::format("weight '{}' of shape {} is none that its config.json describes", name,
                      text_of(tensor->shape)),
          remedy});
    return;
  }
}

}  // namespace batchfit
