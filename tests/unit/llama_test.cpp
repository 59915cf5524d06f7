#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "language_model.h"
#include "models/llama_pass.h"

namespace batchfit {
namespace {

using testing::HasSubstr;

constexpr const char* tiny_folder = BATCHFIT_TEST_DATA "/tiny-llama-nf4";

LoadRequest request_for(const std::string& model, const std::string& mode) {
  LoadRequest request;
  request.model = model;
  request.mode = mode;
  request.dtype = "fp32";
  return request;
}

std::string refusal(const LoadRequest& request) {
  const auto loaded = build_model(request, at::kCPU);
  return loaded ? "loaded" : loaded.error().message;
}

class LanguageModels : public testing::Test {
 protected:
  static LlamaConfig small() {
    LlamaConfig config;
    config.hidden = 64;
    config.intermediate = 128;
    config.layers = 2;
    config.heads = 4;
    config.kv_heads = 2;
    config.head_size = 16;
    config.vocabulary = 96;
    config.most_positions = 64;
    return config;
  }
  static Llama random_llama(std::optional<FourBitCode> four_bit = FourBitCode::nf4) {
    RandomLlamaWeights weights(at::kCPU, at::kFloat, /*seed=*/3, four_bit);
    return {small(), weights};
  }
  static KvCache cache_for(const Llama& llama, std::int64_t batch, KvFormat format = KvFormat::plain) {
    return {tensors_in_one(KvCache::tensors(llama.cache_shape(batch, 32), format, at::kFloat), at::kCPU),
            format, at::kFloat};
  }
  static at::Tensor random_ids(std::int64_t batch, std::int64_t tokens) {
    return at::empty({batch, tokens}, at::kLong).random_(0, 96);
  }

 private:
  c10::InferenceMode no_gradients_;
};

TEST_F(LanguageModels, make_a_token_from_the_cache_as_from_the_whole_prompt) {
  const Llama llama = random_llama();
  const at::Tensor ids = random_ids(3, 12);
  KvCache whole = cache_for(llama, 3), stepped = cache_for(llama, 3);
  const at::Tensor expected = llama.forward(ids, whole, 0);
  llama.forward(ids.narrow(1, 0, 10), stepped, 0);
  llama.forward(ids.narrow(1, 10, 1), stepped, 10);
  const at::Tensor logits = llama.forward(ids.narrow(1, 11, 1), stepped, 11);
  EXPECT_TRUE(at::allclose(logits, expected, 1e-4, 1e-5)) << logits.sub(expected).abs().max();
}

TEST_F(LanguageModels, give_each_sequence_of_a_batch_what_it_gets_alone) {
  const Llama llama = random_llama();
  const at::Tensor ids = random_ids(4, 9);
  KvCache together = cache_for(llama, 4), alone = cache_for(llama, 1);
  const at::Tensor logits = llama.forward(ids, together, 0);
  EXPECT_TRUE(at::allclose(logits.narrow(0, 2, 1), llama.forward(ids.narrow(0, 2, 1), alone, 0), 1e-4, 1e-5));
}

TEST_F(LanguageModels, have_finite_logits_of_one_scale_with_random_weights) {
  for (const auto& four_bit : {std::optional(FourBitCode::nf4), std::optional<FourBitCode>()}) {
    const Llama llama = random_llama(four_bit);
    KvCache cache = cache_for(llama, 2);
    const at::Tensor logits = llama.forward(random_ids(2, 8), cache, 0);
    EXPECT_TRUE(at::isfinite(logits).all().item<bool>());
    EXPECT_GT(logits.std().item<double>(), 0.1);
    EXPECT_LT(logits.std().item<double>(), 10);
  }
}

TEST_F(LanguageModels, go_on_with_the_likeliest_token) {
  const Llama llama = random_llama();
  const at::Tensor ids = random_ids(2, 6);
  const Generated made = greedy(llama, ids, 3, KvFormat::plain);
  ASSERT_EQ(made.tokens.sizes(), at::IntArrayRef({2, 3}));
  const at::Tensor longer = at::cat({ids, made.tokens.narrow(1, 0, 2)}, 1);
  KvCache cache = cache_for(llama, 2);
  EXPECT_TRUE(at::equal(llama.forward(longer, cache, 0).argmax(1), made.tokens.select(1, 2)));
}

class Caches : public LanguageModels, public testing::WithParamInterface<KvFormat> {};
INSTANTIATE_TEST_SUITE_P(All, Caches, testing::Values(KvFormat::plain, KvFormat::int8, KvFormat::nf4),
                         [](const auto& instance) {
                           return std::to_string(static_cast<int>(instance.param)) + "_bits";
                         });

TEST_P(Caches, give_back_what_was_kept_last_at_each_position) {
  const KvShape shape{2, 2, 3, 5, 64};
  KvCache cache(tensors_in_one(KvCache::tensors(shape, GetParam(), at::kFloat), at::kCPU), GetParam(),
                at::kFloat);
  const double tolerance = GetParam() == KvFormat::plain ? 0 : GetParam() == KvFormat::int8 ? 0.02 : 0.7;
  for (int replay = 0; replay < 2; ++replay) {  // the second with other values
    const at::Tensor first = at::randn({2, 3, 4, 64}), next = at::randn({2, 3, 1, 64});
    cache.append(1, 0, first, first.neg());
    cache.append(1, 4, next, next.neg());
    const auto [keys, values] = cache.first(1, 5);
    EXPECT_TRUE(at::allclose(keys, at::cat({first, next}, 2), 0, tolerance));
    EXPECT_TRUE(at::allclose(values, at::cat({first, next}, 2).neg(), 0, tolerance));
  }
}

TEST_P(Caches, take_the_bytes_that_their_format_needs) {
  const KvShape shape{2, 1, 3, 5, 64};
  const KvCache cache(tensors_in_one(KvCache::tensors(shape, GetParam(), at::kBFloat16), at::kCPU),
                      GetParam(), at::kBFloat16);
  const std::int64_t heads = 2 * 2 * 3;  // layers · (keys and values) · heads
  const std::int64_t of_head = GetParam() == KvFormat::plain  ? 128
                               : GetParam() == KvFormat::int8 ? 64 + 2
                                                              : 32 + 4;
  EXPECT_EQ(cache.bytes_of_token(), heads * of_head);
}

TEST_F(LanguageModels, lose_little_with_a_cache_of_fewer_bits) {
  const Llama llama = random_llama();
  EXPECT_EQ(kv_error(llama, KvFormat::plain), 0);
  EXPECT_LT(kv_error(llama, KvFormat::int8), 0.05);
  EXPECT_GT(kv_error(llama, KvFormat::nf4), kv_error(llama, KvFormat::int8));
  EXPECT_LT(kv_error(llama, KvFormat::nf4), 0.8);
}

class Modes : public LanguageModels, public testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(All, Modes, testing::Values("prefill", "decode", "generate"),
                         [](const auto& instance) { return instance.param; });

TEST_P(Modes, run_by_name_and_from_a_folder) {
  for (const std::string& model : {std::string("llama-tiny-nf4"), std::string(tiny_folder)}) {
    LoadRequest request = request_for(model, GetParam());
    request.shape = {{"length", 16}};
    if (GetParam() == "generate") request.shape["new"] = 4;
    const auto loaded = build_model(request, at::kCPU);
    ASSERT_TRUE(loaded) << loaded.error().message;
    const auto inputs = loaded->inputs(3);
    EXPECT_EQ(inputs.front().sizes(), at::IntArrayRef({3, GetParam() == "decode" ? 1 : 16}));
    const at::Tensor output = loaded->run(inputs);
    EXPECT_EQ(output.sizes(), at::IntArrayRef({3, GetParam() == "generate" ? 4 : 1024}));
    EXPECT_TRUE(check_output(*loaded));
    const Workload workload = loaded->workload(Timing::eager);
    EXPECT_EQ(workload.mode, GetParam());
    EXPECT_EQ(workload.shape.at("kv_bits"), 16);
  }
}

TEST_F(LanguageModels, state_a_prefill_of_512_tokens_where_nothing_is_asked) {
  const auto loaded = build_model(request_for("llama-tiny-nf4", "forward"), at::kCPU);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Workload workload = loaded->workload(Timing::eager);
  EXPECT_EQ(workload.mode, "prefill");
  EXPECT_EQ(workload.shape.at("length"), 512);
  EXPECT_THAT(loaded->notes(), testing::Contains(HasSubstr("weights: random")));
}

TEST_F(LanguageModels, say_what_makes_4_bit_products_where_they_have_any) {
  EXPECT_STREQ(random_llama().four_bit_products()->name(), "ATen");
  EXPECT_EQ(random_llama(std::nullopt).four_bit_products(), nullptr);
  const auto loaded = build_model(request_for("llama-tiny-nf4", "prefill"), at::kCPU);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->workload(Timing::eager).model_code, HasSubstr("ATen"));
}

TEST_F(LanguageModels, refuse_contexts_beyond_their_most) {
  LoadRequest request = request_for("llama-tiny-nf4", "decode");
  request.shape = {{"length", 2048}};
  EXPECT_THAT(refusal(request), HasSubstr("contexts of up to 2048 tokens, and this is one of 2049"));
  request.shape = {{"length", 2047}};
  EXPECT_TRUE(check_language_model(request));
}

TEST_F(LanguageModels, refuse_sizes_that_their_mode_does_not_have) {
  LoadRequest request = request_for("llama-tiny-nf4", "prefill");
  request.shape = {{"new", 5}};
  EXPECT_THAT(refusal(request), HasSubstr("no named size 'new' in mode prefill"));
  request.shape = {{"kv_bits", 5}};
  EXPECT_THAT(refusal(request), HasSubstr("no cache of 5 bits"));
}

TEST_F(LanguageModels, refuse_weights_of_another_size) {
  LoadRequest request = request_for("llama-3-8b-nf4", "prefill");
  request.weights = tiny_folder;
  EXPECT_THAT(refusal(request), HasSubstr("is no llama-3-8b-nf4: hidden_size is 256 and not 4096"));
}

TEST_F(LanguageModels, refuse_fp32_on_a_gpu) {
  LoadRequest request = request_for("llama-tiny-nf4", "prefill");
  request.device = "cuda:0";
  const auto checked = check_language_model(request);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("no fp32 on a GPU"));
}

}  // namespace
}  // namespace batchfit
