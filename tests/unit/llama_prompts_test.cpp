#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "language_model.h"
#include "models/llama_pass.h"

namespace batchfit {
namespace {

using Ids = std::vector<std::int64_t>;

/// The model of tests/data/tiny-llama-nf4, and prompts of 1 to 9 ids.
class PaddedPrompts : public testing::Test {
 protected:
  static std::shared_ptr<const Llama> read_tiny() {
    LoadRequest request;
    request.model = BATCHFIT_TEST_DATA "/tiny-llama-nf4";
    request.dtype = "fp32";
    const auto loaded = build_model(request, at::kCPU);
    if (!loaded) throw std::runtime_error(loaded.error().message);
    return dynamic_cast<const LlamaPass&>(*loaded->model).llama();
  }
  static at::Tensor row(const Ids& ids) { return at::tensor(ids, at::kLong).unsqueeze(0); }
  KvCache cache_for(std::int64_t batch, KvFormat format) const {
    return {tensors_in_one(KvCache::tensors(llama->cache_shape(batch, 16), format, at::kFloat), at::kCPU),
            format, at::kFloat};
  }
  LlamaPass pass_of(LlamaMode mode, PromptIds ids) const {
    return {llama, {mode, ids.length, 6, KvFormat::plain, 0}, std::move(ids)};
  }

  const std::shared_ptr<const Llama> llama = read_tiny();
  const PromptIds prompts{{{7, 400, 12, 99, 1, 1000, 3, 58, 640}, {512}, {9, 801, 44, 2}, {5, 6}}, 9};

 private:
  c10::InferenceMode no_gradients_;
};

class WithEachCache : public PaddedPrompts, public testing::WithParamInterface<KvFormat> {};
INSTANTIATE_TEST_SUITE_P(PaddedPrompts, WithEachCache,
                         testing::Values(KvFormat::plain, KvFormat::int8, KvFormat::nf4),
                         [](const auto& instance) {
                           return std::to_string(static_cast<int>(instance.param)) + "_bits";
                         });

TEST_P(WithEachCache, give_the_logits_that_each_gives_alone_after_the_prompt_and_after_a_token_more) {
  const auto [ids, padding] = prompts.of_batch(4);
  KvCache together = cache_for(4, GetParam());
  const at::Tensor first = llama->forward(ids, together, 0, padding);
  const at::Tensor tokens = first.argmax(1, /*keepdim=*/true);
  const at::Tensor second = llama->forward(tokens, together, 9, padding);
  for (std::int64_t i = 0; i < 4; ++i) {
    const at::Tensor prompt = row(prompts.prompts[static_cast<std::size_t>(i)]);
    KvCache alone = cache_for(1, GetParam());
    EXPECT_TRUE(at::allclose(first.narrow(0, i, 1), llama->forward(prompt, alone, 0), 1e-4, 1e-4)) << i;
    const at::Tensor next = llama->forward(tokens.narrow(0, i, 1), alone, prompt.size(1));
    EXPECT_TRUE(at::allclose(second.narrow(0, i, 1), next, 1e-4, 1e-4)) << i;
  }
}

TEST_F(PaddedPrompts, go_on_as_each_goes_on_alone) {
  const auto [ids, padding] = prompts.of_batch(4);
  const at::Tensor together = greedy(*llama, ids, 7, KvFormat::plain, padding).tokens;
  for (std::int64_t i = 0; i < 4; ++i) {
    const at::Tensor prompt = row(prompts.prompts[static_cast<std::size_t>(i)]);
    EXPECT_TRUE(at::equal(together.narrow(0, i, 1), greedy(*llama, prompt, 7, KvFormat::plain).tokens)) << i;
  }
}

TEST_F(PaddedPrompts, are_no_nearer_without_their_padding_being_told) {
  const auto [ids, padding] = prompts.of_batch(4);
  KvCache told = cache_for(4, KvFormat::plain), untold = cache_for(4, KvFormat::plain);
  EXPECT_FALSE(at::allclose(llama->forward(ids, told, 0, padding), llama->forward(ids, untold, 0), 0.1, 0.1));
}

TEST_F(PaddedPrompts, are_off_by_rounding_alone) {
  EXPECT_LT(padding_error(*llama, row({9, 801, 44, 2}), 5), 1e-4);
}

TEST_F(PaddedPrompts, fill_a_batch_in_their_order_and_over_again) {
  const auto [ids, padding] = prompts.of_batch(6);
  EXPECT_TRUE(at::equal(padding, at::tensor({0, 8, 5, 7, 0, 8}, at::kLong)));
  EXPECT_TRUE(at::equal(ids.narrow(0, 4, 2), ids.narrow(0, 0, 2)));
  EXPECT_TRUE(at::equal(ids[2], at::tensor({0, 0, 0, 0, 0, 9, 801, 44, 2}, at::kLong)));
}

TEST_F(PaddedPrompts, of_a_pass_are_its_inputs_and_each_row_is_made_as_alone) {
  const LlamaPass pass = pass_of(LlamaMode::generate, prompts);
  const auto inputs = pass.own_inputs(5);
  EXPECT_TRUE(at::equal(inputs[0], prompts.of_batch(5).first));
  const at::Tensor tokens = pass.forward_all(inputs);
  const at::Tensor alone = greedy(*llama, row(prompts.prompts[1]), 6, KvFormat::plain).tokens;
  EXPECT_TRUE(at::equal(tokens.narrow(0, 1, 1), alone));
  EXPECT_TRUE(at::equal(tokens[4], tokens[0]));
}

TEST_F(PaddedPrompts, of_one_length_take_the_way_without_padding) {
  const PromptIds even{{{7, 400}, {9, 3}}, 2};
  EXPECT_FALSE(even.padded());
  const LlamaPass pass = pass_of(LlamaMode::prefill, even);
  const auto inputs = pass.own_inputs(2);
  EXPECT_EQ(inputs.size(), pass_of(LlamaMode::prefill, prompts).own_inputs(2).size() - 1);
  KvCache cache = cache_for(2, KvFormat::plain);
  EXPECT_TRUE(at::equal(pass.forward_all(inputs), llama->forward(even.of_batch(2).first, cache, 0)));
}

TEST_F(PaddedPrompts, where_there_are_none_random_ids_are_the_seeds_whatever_the_batch) {
  const auto ids = [&](std::int64_t seed, std::int64_t batch) {
    return LlamaPass(llama, {LlamaMode::prefill, 12, 1, KvFormat::plain, seed}).own_inputs(batch)[0];
  };
  EXPECT_TRUE(at::equal(ids(1, 3), ids(1, 3)));
  EXPECT_TRUE(at::equal(ids(1, 5).narrow(0, 0, 3), ids(1, 3)));
  EXPECT_FALSE(at::equal(ids(1, 3), ids(2, 3)));
}

}  // namespace
}  // namespace batchfit
