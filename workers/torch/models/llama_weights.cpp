#include "models/llama_weights.h"

#include <ATen/Context.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/zeros.h>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>

#include "file_weights.h"
#include "files/bytes.h"
#include "quant/storage.h"

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
  const double largest = largest_value(names.front().name, columns);
  if (!four_bit_) {
    std::int64_t rows = 0;
    for (const MatrixName& matrix : names) rows += matrix.rows;
    return {tensor(names.front().name, {rows, columns})};
  }
  std::vector<QuantState> states;
  double offset = largest * 3 / 4;  // each matrix has another, as in a checkpoint
  for (const MatrixName& matrix : names) {
    states.push_back({*four_bit_, 64, {matrix.rows, columns}, NestedState{256, offset}});
    offset -= largest / 64;
  }
  if (stored_alike(states)) return {random_four_bit(states, largest)};
  std::vector<MatrixWeights> parts;
  parts.reserve(states.size());
  for (const QuantState& state : states) parts.emplace_back(random_four_bit({state}, largest));
  return parts;
}

FourBitMatrix RandomLlamaWeights::random_four_bit(const std::vector<QuantState>& states,
                                                  double largest) const {
  FourBitMatrix matrix = storage_for(states, device());
  matrix.packed.random_(0, 256);
  matrix.nested->codes.random_(0, 256);
  // With the offsets, absmax is from a half of the largest to all of it.
  matrix.nested->maxima.uniform_(largest / 8, largest * 3 / 16);
  matrix.nested->values.copy_(at::linspace(-1, 1, 256));
  return matrix;
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

std::optional<QuantState> CheckpointLlamaWeights::state_of(const MatrixName& matrix, std::int64_t columns) {
  const std::string weight = matrix.name + ".weight";
  const std::vector<std::int64_t> shape{matrix.rows, columns};
  for (const FourBitCode code : {FourBitCode::nf4, FourBitCode::fp4}) {
    const std::string name = fmt::format("{}.quant_state.bitsandbytes__{}", weight, name_of(code));
    const files::NamedTensor* stored = find(name);
    if (stored == nullptr) continue;
    const auto state = quant_state_from(files::text_of(stored->bytes));
    if (state && state->shape == shape && state->code == code) return *state;
    const std::string what =
        state ? fmt::format("is of {} and shape {}, where {} and {} are expected", name_of(state->code),
                            text_of(state->shape), name_of(code), text_of(shape))
              : state.error().message;
    fail({ErrorKind::usage, fmt::format("the quant_state of '{}' {}", weight, what), remedy});
    return QuantState{code, 64, shape, std::nullopt};
  }
  return std::nullopt;
}

/// Whether the values of their nested absmax, where they have any, are the same.
bool CheckpointLlamaWeights::share_values(const std::vector<MatrixName>& names) const {
  const auto values = [&](const MatrixName& matrix) {
    const files::NamedTensor* stored = checkpoint_->find(matrix.name + ".weight.nested_quant_map");
    return stored == nullptr ? std::string_view() : files::text_of(stored->bytes);
  };
  return std::all_of(names.begin(), names.end(),
                     [&](const MatrixName& matrix) { return values(matrix) == values(names.front()); });
}

std::vector<MatrixWeights> CheckpointLlamaWeights::matrices(const std::vector<MatrixName>& names,
                                                            std::int64_t columns) {
  std::vector<std::optional<QuantState>> states;
  std::vector<QuantState> four_bit;
  for (const MatrixName& matrix : names) {
    if (const auto& state = states.emplace_back(state_of(matrix, columns))) four_bit.push_back(*state);
  }
  if (four_bit.size() == names.size() && stored_alike(four_bit) && share_values(names)) {
    const FourBitMatrix joined = storage_for(four_bit, device());
    std::int64_t row = 0;
    for (const MatrixName& matrix : names) {
      read_four_bit(matrix.name, joined.some_rows(row, matrix.rows));
      row += matrix.rows;
    }
    return {joined};
  }
  std::vector<MatrixWeights> parts;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!states[i]) {
      parts.emplace_back(tensor(names[i].name + ".weight", {names[i].rows, columns}));
      continue;
    }
    const FourBitMatrix matrix = storage_for({*states[i]}, device());
    read_four_bit(names[i].name, matrix);
    parts.emplace_back(matrix);
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
  if (!out.nested) {
    const auto* absmax = find(weight + ".absmax", files::ElementType::float32, out.blocks());
    if (absmax != nullptr) reader_.read_into(absmax->bytes, out.absmax);
    return;
  }
  const NestedAbsmax& nested = *out.nested;
  const auto* codes = find(weight + ".absmax", files::ElementType::uint8, nested.codes.numel());
  const auto* maxima = find(weight + ".nested_absmax", files::ElementType::float32, nested.maxima.numel());
  const auto* values = find(weight + ".nested_quant_map", files::ElementType::float32, nested.values.numel());
  if (codes == nullptr || maxima == nullptr || values == nullptr) return;
  reader_.read_into(maxima->bytes, nested.maxima);
  reader_.read_into(values->bytes, nested.values);
  reader_.read_into(codes->bytes, nested.codes);
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
