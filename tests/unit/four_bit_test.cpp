#include "quant/four_bit.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "facts/json.h"
#include "files/checkpoint.h"
#include "models/llama_weights.h"
#include "quant/storage.h"

namespace batchfit {
namespace {

constexpr const char* tiny = BATCHFIT_TEST_DATA "/tiny-llama-nf4";

class FourBit : public testing::Test {
  c10::InferenceMode no_gradients_;
};

FourBitMatrix random_matrix(std::int64_t rows, std::int64_t columns, std::int64_t block_size,
                            FourBitCode code) {
  const FourBitMatrix matrix = storage_for({{code, block_size, {rows, columns}, std::nullopt}}, at::kCPU);
  matrix.packed.random_(0, 256);
  matrix.absmax.uniform_(0.5, 2);
  return matrix;
}

QuantState nested_state(std::int64_t rows, std::int64_t columns, double offset,
                        std::int64_t nested_block = 256) {
  return {FourBitCode::nf4, 64, {rows, columns}, NestedState{nested_block, offset}};
}

FourBitMatrix random_nested(const std::vector<QuantState>& states) {
  const FourBitMatrix matrix = storage_for(states, at::kCPU);
  matrix.packed.random_(0, 256);
  matrix.nested->codes.random_(0, 256);
  matrix.nested->maxima.uniform_(0.5, 2);
  matrix.nested->values.copy_(at::linspace(-1, 1, 256));
  return matrix;
}

/// absmax block by block, as the format is defined.
void expect_widened(const FourBitMatrix& matrix, const std::vector<QuantState>& states) {
  const at::Tensor absmax = matrix.widened().absmax;
  ASSERT_EQ(absmax.numel(), matrix.blocks());
  const NestedAbsmax& nested = *matrix.nested;
  std::int64_t block = 0;
  for (const QuantState& state : states) {
    const auto offset = static_cast<float>(state.nested->offset);
    const std::int64_t end = block + (state.shape[0] * state.shape[1] + 63) / 64;
    for (; block < end; ++block) {
      const float scaled =
          nested.values.const_data_ptr<float>()[nested.codes.const_data_ptr<std::uint8_t>()[block]] *
          nested.maxima.const_data_ptr<float>()[block / nested.block_size];
      ASSERT_EQ(absmax.const_data_ptr<float>()[block], scaled + offset) << block;
    }
  }
  EXPECT_EQ(block, matrix.blocks());
}

/// Weight by weight, as the format is defined.
void expect_the_format(const FourBitMatrix& matrix) {
  const at::Tensor weights = dequantise(matrix, at::kFloat);
  const float* values = weights.const_data_ptr<float>();
  const auto* packed = matrix.packed.const_data_ptr<std::uint8_t>();
  const float* absmax = matrix.absmax.const_data_ptr<float>();
  for (std::int64_t i = 0; i < matrix.rows * matrix.columns; ++i) {
    const int byte = packed[i / 2], code = i % 2 == 0 ? byte >> 4 : byte & 15;
    const float expected =
        values_of(matrix.code)[static_cast<std::size_t>(code)] * absmax[i / matrix.block_size];
    ASSERT_EQ(values[i], expected) << i;
  }
}

TEST_F(FourBit, weights_are_their_codes_value_times_their_blocks_absmax) {
  expect_the_format(random_matrix(6, 128, 64, FourBitCode::nf4));
  expect_the_format(random_matrix(6, 128, 64, FourBitCode::fp4));
}

TEST_F(FourBit, blocks_may_be_of_another_size_and_run_over_the_ends_of_rows) {
  expect_the_format(random_matrix(4, 256, 128, FourBitCode::nf4));
  expect_the_format(random_matrix(4, 96, 64, FourBitCode::nf4));
  expect_the_format(random_matrix(3, 42, 32, FourBitCode::fp4));  // the last block is cut short
}

TEST_F(FourBit, some_rows_of_a_matrix_are_those_of_its_weights) {
  const FourBitMatrix matrix = random_matrix(8, 128, 64, FourBitCode::nf4);
  EXPECT_TRUE(at::equal(dequantise(matrix.some_rows(3, 4), at::kFloat),
                        dequantise(matrix, at::kFloat).narrow(0, 3, 4)));
}

TEST_F(FourBit, a_nested_absmax_is_its_codes_value_times_its_blocks_maximum_plus_the_offset) {
  for (const auto& state :
       {nested_state(6, 128, 3), nested_state(300, 64, -0.25), nested_state(9, 1024, 3, 32)}) {
    expect_widened(random_nested({state}), {state});
  }
}

TEST_F(FourBit, matrices_of_unlike_offsets_keep_their_own_where_they_are_joined) {
  const std::vector<QuantState> states{nested_state(256, 256, 3), nested_state(64, 256, 5),
                                       nested_state(64, 256, -2)};
  ASSERT_TRUE(stored_alike(states));
  const FourBitMatrix joined = random_nested(states);
  expect_widened(joined, states);
  std::int64_t row = 0;
  for (const QuantState& state : states) {
    const FourBitMatrix part = joined.some_rows(row, state.shape[0]);
    expect_widened(part, {state});
    EXPECT_TRUE(at::equal(dequantise(part, at::kFloat),
                          dequantise(joined, at::kFloat).narrow(0, row, state.shape[0])));
    row += state.shape[0];
  }
  EXPECT_ANY_THROW(joined.some_rows(0, 128));
}

TEST_F(FourBit, a_nested_absmax_takes_a_byte_a_block_and_a_float_for_each_256) {
  const FourBitMatrix matrix = random_nested({nested_state(1024, 1024, 1)});
  EXPECT_EQ(matrix.nested->codes.nbytes(), 1024 * 1024 / 64);
  EXPECT_EQ(matrix.nested->maxima.nbytes(), 1024 * 1024 / 64 / 256 * 4);
  EXPECT_FALSE(matrix.absmax.defined());
}

TEST_F(FourBit, matrices_are_one_only_where_they_are_stored_alike) {
  const QuantState nested = nested_state(64, 256, 1);
  const QuantState plain{FourBitCode::nf4, 64, {64, 256}, std::nullopt};
  EXPECT_TRUE(stored_alike({nested, nested_state(128, 256, 2)}));
  EXPECT_TRUE(stored_alike({plain, plain}));
  EXPECT_FALSE(stored_alike({nested, plain}));
  EXPECT_FALSE(stored_alike({nested, nested_state(64, 256, 1, 128)}));
  EXPECT_FALSE(stored_alike({nested, nested_state(32, 256, 1)}));  // half a block of maxima
  EXPECT_FALSE(stored_alike({plain, {FourBitCode::fp4, 64, {64, 256}, std::nullopt}}));
  EXPECT_FALSE(stored_alike({plain, {FourBitCode::nf4, 128, {64, 256}, std::nullopt}}));
}

TEST_F(FourBit, random_weights_have_the_form_of_a_checkpoint) {
  RandomLlamaWeights weights(at::kCPU, at::kFloat, /*seed=*/1, FourBitCode::nf4);
  const auto parts = weights.matrices({{"q_proj", 256}, {"k_proj", 64}, {"v_proj", 64}}, 256);
  ASSERT_EQ(parts.size(), 1U);
  const auto& matrix = std::get<FourBitMatrix>(parts.front());
  ASSERT_TRUE(matrix.nested);
  EXPECT_EQ(matrix.nested->parts, (std::vector<std::int64_t>{256, 64, 64}));
  const at::Tensor offsets = matrix.nested->offsets;  // one for each 64 rows
  ASSERT_EQ(offsets.numel(), 6);
  EXPECT_NE(offsets[3].item<float>(), offsets[4].item<float>());
  EXPECT_NE(offsets[4].item<float>(), offsets[5].item<float>());
  EXPECT_TRUE(matrix.widened().absmax.gt(0).all().item<bool>());
  EXPECT_EQ(weights.matrices({{"q_proj", 32}, {"k_proj", 32}}, 64).size(), 2U);  // blocks of maxima cut short
}

TEST_F(FourBit, weights_of_a_checkpoint_are_those_that_bitsandbytes_gives) {
  const Json reference = parse_json(read_file(std::string(tiny) + "/reference.json").value()).value();
  CheckpointLlamaWeights weights(files::Checkpoint::open(tiny).value(), at::kCPU, at::kFloat);
  for (const auto& [name, expected] : reference.at("weights").items()) {
    const std::string matrix = name.substr(0, name.rfind(".weight"));
    const auto parts = weights.matrices({{matrix, expected.at("shape").at(0)}}, expected.at("shape").at(1));
    ASSERT_EQ(parts.size(), 1U);
    const at::Tensor values = dequantise(std::get<FourBitMatrix>(parts.front()), at::kFloat);
    const double rounding = 1e-6 * expected.at("abs_sum").get<double>();
    EXPECT_NEAR(values.sum(at::kDouble).item<double>(), expected.at("sum").get<double>(), rounding) << name;
    EXPECT_NEAR(values.abs().sum(at::kDouble).item<double>(), expected.at("abs_sum").get<double>(), rounding)
        << name;
    if (!expected.contains("first64")) continue;
    for (std::size_t i = 0; i < expected.at("first64").size(); ++i) {
      EXPECT_FLOAT_EQ(values.const_data_ptr<float>()[i], expected.at("first64")[i].get<float>()) << name;
    }
  }
  EXPECT_FALSE(weights.error());
}

TEST_F(FourBit, matrices_that_are_joined_stay_what_they_are_alone) {
  CheckpointLlamaWeights weights(files::Checkpoint::open(tiny).value(), at::kCPU, at::kFloat);
  const std::string layer = "model.layers.0.self_attn.";
  const std::vector<MatrixName> names{
      {layer + "q_proj", 256}, {layer + "k_proj", 64}, {layer + "v_proj", 64}};
  const auto joined = weights.matrices(names, 256);
  ASSERT_EQ(joined.size(), 1U);
  std::vector<at::Tensor> alone;
  for (const MatrixName& name : names) {
    alone.push_back(dequantise(std::get<FourBitMatrix>(weights.matrices({name}, 256).front()), at::kFloat));
  }
  EXPECT_TRUE(at::equal(dequantise(std::get<FourBitMatrix>(joined.front()), at::kFloat), at::cat(alone)));
}

TEST_F(FourBit, quantising_values_that_are_codes_times_an_absmax_loses_nothing) {
  const at::Tensor packed = at::empty({2, 3, 32}, at::kByte).random_(0, 256);
  packed.select(-1, 0).fill_(0x0F);  // each block has its largest value
  const at::Tensor absmax = at::empty({2, 3, 1}, at::kFloat).uniform_(0.5, 2);
  const at::Tensor values = dequantise_nf4(packed, absmax, at::kFloat);
  const at::Tensor packed_again = at::empty_like(packed), absmax_again = at::empty_like(absmax);
  quantise_nf4(values, packed_again, absmax_again);
  EXPECT_TRUE(at::equal(packed_again, packed));
  EXPECT_TRUE(at::equal(absmax_again, absmax));
}

TEST_F(FourBit, any_value_is_given_the_nearest_code) {
  const at::Tensor values = at::randn({5, 128});
  const at::Tensor packed = at::empty({5, 64}, at::kByte), absmax = at::empty({5, 2}, at::kFloat);
  quantise_nf4(values, packed, absmax);
  // Half of the widest gap between two values of the code, times the block's absmax.
  constexpr double half_gap = (1 - 0.69619) / 2;
  const at::Tensor error = (dequantise_nf4(packed, absmax, at::kFloat).sub_(values)).abs().view({5, 2, 64});
  EXPECT_TRUE(error.le(absmax.unsqueeze(-1).mul(half_gap + 1e-3)).all().item<bool>());
}

}  // namespace
}  // namespace batchfit
