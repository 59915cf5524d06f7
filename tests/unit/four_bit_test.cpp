#include "quant/four_bit.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "facts/json.h"
#include "files/checkpoint.h"
#include "models/llama_weights.h"

namespace batchfit {
namespace {

constexpr const char* tiny = BATCHFIT_TEST_DATA "/tiny-llama-nf4";

class FourBit : public testing::Test {
  c10::InferenceMode no_gradients_;
};

FourBitMatrix random_matrix(std::int64_t rows, std::int64_t columns, std::int64_t block_size,
                            FourBitCode code) {
  FourBitMatrix matrix = empty_four_bit(rows, columns, block_size, code, at::kCPU);
  matrix.packed.random_(0, 256);
  matrix.absmax.uniform_(0.5, 2);
  return matrix;
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
