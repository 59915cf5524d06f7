#include "models/llama_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "quant/quant_state.h"

namespace batchfit {
namespace {

using testing::HasSubstr;

Json tiny() {
  return parse_json(read_file(BATCHFIT_TEST_DATA "/tiny-llama-nf4/config.json").value()).value();
}

std::string refusal(const Json& json) {
  const auto config = llama_config_from_json(json);
  return config ? "read" : config.error().message;
}

TEST(LlamaConfig, both_layouts_of_a_file_mean_the_same) {
  const auto newer =
      parse_json(read_file(BATCHFIT_TEST_DATA "/tiny-llama-nf4/config.transformers5.json").value()).value();
  const auto config = llama_config_from_json(tiny());
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->head_size, 32);  // which the older one leaves out
  EXPECT_EQ(config->kv_heads, 2);
  EXPECT_EQ(config->rope_theta, 500000);
  EXPECT_EQ(llama_config_from_json(newer).value(), *config);
}

TEST(LlamaConfig, llama_2_has_a_key_head_for_each_query_head_and_its_own_theta) {
  Json json = tiny();
  for (const char* name : {"num_key_value_heads", "rope_theta"}) json.erase(name);
  const auto config = llama_config_from_json(json);
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->kv_heads, config->heads);
  EXPECT_EQ(config->rope_theta, 10000);
}

TEST(LlamaConfig, llama_31_stretches_long_waves_alone) {
  Json json = tiny();
  json["head_dim"] = 128;
  const auto plain = rotary_frequencies(llama_config_from_json(json).value());
  json["rope_scaling"] = {{"rope_type", "llama3"},
                          {"factor", 8.0},
                          {"low_freq_factor", 1.0},
                          {"high_freq_factor", 4.0},
                          {"original_max_position_embeddings", 8192}};
  const auto config = llama_config_from_json(json);
  ASSERT_TRUE(config) << config.error().text();
  const auto stretched = rotary_frequencies(*config);
  ASSERT_EQ(stretched.size(), 64U);
  EXPECT_DOUBLE_EQ(stretched.front(), 1);
  EXPECT_DOUBLE_EQ(stretched[28], plain[28]);      // a wave of 1956 tokens
  EXPECT_DOUBLE_EQ(stretched[63], plain[63] / 8);  // longer than any context
  // Of a wave of 5450 tokens, between 8192 / 4 and 8192 / 1, (8192 / 5450 - 1) / 3 is kept.
  EXPECT_NEAR(stretched[33] / plain[33], 0.125 + 0.875 * 0.1677, 1e-3);
}

TEST(LlamaConfig, the_newer_layouts_rope_parameters_are_read_like_rope_scaling) {
  Json older = tiny(), newer = tiny();
  older["rope_scaling"] = {{"type", "linear"}, {"factor", 2.0}};
  newer.erase("rope_theta");
  newer["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 2.0}, {"rope_theta", 500000.0}};
  EXPECT_EQ(llama_config_from_json(newer).value(), llama_config_from_json(older).value());
}

TEST(LlamaConfig, another_architecture_is_named) {
  Json json = tiny();
  json["model_type"] = "mixtral";
  EXPECT_THAT(refusal(json), HasSubstr("a model of type 'mixtral'"));
}

TEST(LlamaConfig, another_way_of_quantisation_is_named) {
  Json json = tiny();
  json["quantization_config"] = {{"quant_method", "gptq"}, {"bits", 4}};
  EXPECT_THAT(refusal(json), HasSubstr("'gptq', and only bitsandbytes in 4 bits is known"));
  json["quantization_config"] = {{"quant_method", "bitsandbytes"}, {"load_in_8bit", true}};
  EXPECT_THAT(refusal(json), HasSubstr("in 8 bits"));
}

TEST(LlamaConfig, a_rotary_embedding_that_is_not_known_is_named) {
  Json json = tiny();
  json["rope_scaling"] = {{"rope_type", "yarn"}, {"factor", 4.0}};
  EXPECT_THAT(refusal(json), HasSubstr("of the type 'yarn'"));
}

TEST(LlamaConfig, sizes_that_do_not_go_together_are_refused) {
  Json json = tiny();
  json["num_key_value_heads"] = 3;
  EXPECT_THAT(refusal(json), HasSubstr("8 heads, which are no multiple of its 3"));
  json = tiny();
  json["hidden_size"] = 0;
  EXPECT_THAT(refusal(json), HasSubstr("'hidden_size' of 0"));
  json.erase("hidden_size");
  EXPECT_THAT(refusal(json), HasSubstr("has no 'hidden_size'"));
}

TEST(LlamaConfig, a_difference_is_told_by_the_files_name_of_it) {
  const LlamaConfig expected;
  LlamaConfig found = expected;
  EXPECT_EQ(difference_of(found, expected), "");
  found.layers = 16;
  EXPECT_EQ(difference_of(found, expected), "num_hidden_layers is 16 and not 32");
}

TEST(QuantState, is_read_as_bitsandbytes_writes_it) {
  const auto state = quant_state_from(
      R"({"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [256, 768], "nested_blocksize": 256,
          "nested_dtype": "float32", "nested_offset": -0.25})");
  ASSERT_TRUE(state) << state.error().text();
  EXPECT_EQ(state->code, FourBitCode::nf4);
  EXPECT_THAT(state->shape, testing::ElementsAre(256, 768));
  ASSERT_TRUE(state->nested);
  EXPECT_EQ(state->nested->offset, -0.25);
}

TEST(QuantState, without_double_quantisation_has_nothing_nested) {
  const auto state = quant_state_from(R"({"quant_type": "fp4", "blocksize": 128, "shape": [2, 64]})");
  ASSERT_TRUE(state) << state.error().text();
  EXPECT_EQ(state->code, FourBitCode::fp4);
  EXPECT_EQ(state->block_size, 128);
  EXPECT_FALSE(state->nested);
}

TEST(QuantState, that_is_wrong_says_what_is) {
  const auto why = [](const char* text) { return quant_state_from(text).error().message; };
  EXPECT_EQ(why("nf4"), "is no JSON");
  EXPECT_EQ(why(R"({"quant_type": "nf4", "shape": [2, 64]})"), "has no 'blocksize'");
  EXPECT_EQ(why(R"({"quant_type": "af4", "blocksize": 64, "shape": [2, 64]})"),
            "has the quant_type 'af4', which is not known");
  EXPECT_EQ(why(R"({"quant_type": "nf4", "blocksize": 48, "shape": [2, 64]})"),
            "has a blocksize of 48, where a power of 2 from 32 to 4096 is expected");
}

}  // namespace
}  // namespace batchfit
