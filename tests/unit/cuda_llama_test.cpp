// What only a GPU can show: captured steps, bitsandbytes' kernels, reading to the device. Skipped without
// one.
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/randn.h>
#include <c10/cuda/CUDAStream.h>
#include <gtest/gtest.h>

#include "files/checkpoint.h"
#include "models/llama_pass.h"
#include "on_gpu.h"
#include "quant/bitsandbytes.h"
#include "quant/storage.h"

namespace batchfit {
namespace {

class CapturedCaches : public OnGpu, public testing::WithParamInterface<KvFormat> {};
INSTANTIATE_TEST_SUITE_P(All, CapturedCaches, testing::Values(KvFormat::plain, KvFormat::int8, KvFormat::nf4),
                         [](const auto& instance) {
                           return std::to_string(static_cast<int>(instance.param)) + "_bits";
                         });

TEST_P(CapturedCaches, keep_what_each_replay_is_given) {
  const KvShape shape{1, 2, 3, 9, 128};
  const auto specs = KvCache::tensors(shape, GetParam(), at::kBFloat16);
  KvCache captured(tensors_in_one(specs, gpu), GetParam(), at::kBFloat16);
  const auto options = at::TensorOptions().device(gpu).dtype(at::kBFloat16);
  const at::Tensor key = at::randn({2, 3, 1, 128}, options), value = at::randn({2, 3, 1, 128}, options);
  captured.append(0, 8, key, value);  // what the first call makes is there before the capture
  captured.first(0, 9);
  c10::cuda::getCurrentCUDAStream().synchronize();
  at::cuda::CUDAGraph graph;
  graph.capture_begin();
  captured.append(0, 8, key, value);
  const auto [keys, values] = captured.first(0, 9);
  graph.capture_end();
  for (int replay = 0; replay < 2; ++replay) {
    key.normal_();
    value.normal_();
    graph.replay();
    KvCache expected(tensors_in_one(specs, gpu), GetParam(), at::kBFloat16);
    expected.append(0, 8, key, value);
    const auto [expected_keys, expected_values] = expected.first(0, 9);
    EXPECT_TRUE(at::equal(keys.select(2, 8), expected_keys.select(2, 8)));
    EXPECT_TRUE(at::equal(values.select(2, 8), expected_values.select(2, 8)));
  }
}

class Products : public OnGpu, public testing::WithParamInterface<FourBitCode> {
 protected:
  void SetUp() override {
    OnGpu::SetUp();
    if (!IsSkipped() && !Bitsandbytes::library()) GTEST_SKIP() << Bitsandbytes::library().error().text();
  }
};
INSTANTIATE_TEST_SUITE_P(Codes, Products, testing::Values(FourBitCode::nf4, FourBitCode::fp4),
                         [](const auto& instance) { return name_of(instance.param); });

FourBitMatrix random_matrix(std::int64_t rows, std::int64_t columns, std::int64_t block, FourBitCode code,
                            at::Device device) {
  const FourBitMatrix matrix = storage_for({{code, block, {rows, columns}, std::nullopt}}, device);
  matrix.packed.random_(0, 256);
  matrix.absmax.uniform_(0.01, 0.03);
  return matrix;
}

/// Of matrices of so many rows, each with another offset.
FourBitMatrix random_nested(const std::vector<std::int64_t>& rows, std::int64_t columns,
                            std::int64_t nested_block, FourBitCode code, at::Device device) {
  std::vector<QuantState> states;
  double offset = 0.01;  // far apart: with another's, products are wrong
  for (const std::int64_t count : rows) {
    states.push_back({code, 64, {count, columns}, NestedState{nested_block, offset}});
    offset *= 3;
  }
  const FourBitMatrix matrix = storage_for(states, device);
  matrix.packed.random_(0, 256);
  matrix.nested->codes.random_(0, 256);
  matrix.nested->maxima.uniform_(0.002, 0.008);
  matrix.nested->values.copy_(at::linspace(-1, 1, 256));
  return matrix;
}

FourBitMatrix on_cpu(FourBitMatrix matrix) {
  matrix.packed = matrix.packed.cpu();
  if (!matrix.nested) {
    matrix.absmax = matrix.absmax.cpu();
    return matrix;
  }
  for (at::Tensor NestedAbsmax::*tensor :
       {&NestedAbsmax::codes, &NestedAbsmax::maxima, &NestedAbsmax::values, &NestedAbsmax::offsets}) {
    (*matrix.nested).*tensor = ((*matrix.nested).*tensor).cpu();
  }
  return matrix;
}

/// The largest error of products of normal input, in units of each output's spread, by the weights as the CPU
/// dequantises them.
double error_of(const at::Tensor& output, const at::Tensor& input, const FourBitMatrix& matrix) {
  const at::Tensor weights = dequantise(on_cpu(matrix), at::kFloat).to(input.device());
  const at::Tensor expected = at::linear(input.to(at::kFloat), weights);
  return output.to(at::kFloat).sub(expected).div(weights.norm(2, 1)).abs().max().item<double>();
}
constexpr double most_error = 0.05;

TEST_P(Products, dequantise_as_the_format_is_defined) {
  for (const auto& [rows, columns, block] :
       {std::array<std::int64_t, 3>{64, 256, 64}, {48, 96, 64}, {7, 100, 128}}) {
    const FourBitMatrix matrix = random_matrix(rows, columns, block, GetParam(), gpu);
    EXPECT_TRUE(at::equal(dequantise(matrix, at::kBFloat16).cpu(), dequantise(on_cpu(matrix), at::kBFloat16)))
        << rows << " x " << columns;
  }
}

TEST_P(Products, widen_a_nested_absmax_as_the_format_is_defined) {
  const auto code = GetParam();
  for (const FourBitMatrix& matrix :
       {random_nested({64}, 1024, 256, code, gpu), random_nested({256, 64, 64}, 1024, 256, code, gpu),
        random_nested({300}, 64, 256, code, gpu), random_nested({7}, 64, 4, code, gpu)}) {
    EXPECT_TRUE(at::equal(matrix.widened().absmax.cpu(), on_cpu(matrix).widened().absmax)) << matrix.rows;
    EXPECT_TRUE(at::equal(dequantise(matrix, at::kBFloat16).cpu(), dequantise(on_cpu(matrix), at::kBFloat16)))
        << matrix.rows;
  }
}

TEST_P(Products, are_those_of_the_dequantised_weights_however_they_are_made) {
  const auto code = GetParam();
  const auto options = at::TensorOptions().device(gpu).dtype(at::kBFloat16);
  for (const FourBitMatrix& matrix :
       {random_matrix(768, 1024, 64, code, gpu), random_nested({768}, 1024, 256, code, gpu),
        random_nested({512, 128, 128}, 1024, 256, code, gpu), random_nested({768}, 1024, 64, code, gpu)}) {
    const auto products = cuda_products();
    products->add(matrix);
    for (const std::int64_t n : {1, 3, 8, 65, 600, 3000}) {
      const at::Tensor input = at::randn({n, 1024}, options);
      for (int measured = 0; measured < 2; ++measured) {
        EXPECT_LT(error_of(products->multiply(input, matrix), input, matrix), most_error) << n << " rows";
        products->prepare(n, at::kBFloat16);
      }
    }
  }
}

TEST_P(Products, of_joined_matrices_are_those_of_each_alone) {
  const auto options = at::TensorOptions().device(gpu).dtype(at::kBFloat16);
  const JoinedLinear joined{
      {random_nested({512, 128, 128}, 1024, 256, GetParam(), gpu)}, {512, 128, 128}, {}};
  const auto products = cuda_products();
  for (const std::int64_t n : {1, 4, 40}) {
    const at::Tensor input = at::randn({n, 1024}, options);
    const at::Tensor together = joined.forward(input, *products);
    const auto each = joined.forward_each(input, *products);
    const auto& matrix = std::get<FourBitMatrix>(joined.parts.front());
    EXPECT_LT(error_of(together, input, matrix), most_error) << n << " rows";
    EXPECT_LT(error_of(at::cat(each, 1), input, matrix), most_error) << n << " rows";
  }
}

TEST_P(Products, are_made_again_by_each_replay_of_a_captured_graph) {
  const FourBitMatrix matrix = random_nested({512, 128, 128}, 1024, 256, GetParam(), gpu);
  const auto options = at::TensorOptions().device(gpu).dtype(at::kBFloat16);
  const auto products = cuda_products();
  products->add(matrix);
  for (const std::int64_t n : {1, 8, 600}) {
    const at::Tensor input = at::randn({n, 1024}, options);
    products->prepare(n, at::kBFloat16);
    products->multiply(input, matrix);
    c10::cuda::getCurrentCUDAStream().synchronize();
    at::cuda::CUDAGraph graph;
    graph.capture_begin();
    const at::Tensor output = products->multiply(input, matrix);
    graph.capture_end();
    for (int replay = 0; replay < 2; ++replay) {
      input.normal_();
      matrix.nested->codes.random_(0, 256);
      graph.replay();
      EXPECT_LT(error_of(output, input, matrix), most_error) << n << " rows";
    }
  }
}

TEST_F(OnGpu, a_checkpoint_is_read_as_on_the_cpu) {
  constexpr const char* tiny = BATCHFIT_TEST_DATA "/tiny-llama-nf4";
  const auto checkpoint = files::Checkpoint::open(tiny).value();
  CheckpointLlamaWeights on_gpu(checkpoint, gpu, at::kBFloat16), on_cpu(checkpoint, at::kCPU, at::kBFloat16);
  const std::string name = "model.embed_tokens.weight";
  EXPECT_TRUE(at::equal(on_gpu.tensor(name, {1024, 256}).cpu(), on_cpu.tensor(name, {1024, 256})));
  const std::string mlp = "model.layers.1.mlp.";
  const std::vector<MatrixName> names{{mlp + "gate_proj", 768}, {mlp + "up_proj", 768}};
  const auto there = std::get<FourBitMatrix>(on_gpu.matrices(names, 256).front());
  const auto here = std::get<FourBitMatrix>(on_cpu.matrices(names, 256).front());
  EXPECT_TRUE(at::equal(there.packed.cpu(), here.packed));
  EXPECT_TRUE(at::equal(there.nested->codes.cpu(), here.nested->codes));
  EXPECT_TRUE(at::equal(there.widened().absmax.cpu(), here.widened().absmax));
  EXPECT_EQ(on_gpu.digest(), on_cpu.digest());
}

TEST_F(OnGpu, generation_times_its_first_token_in_a_captured_graph) {
  RandomLlamaWeights weights(gpu, at::kBFloat16, /*seed=*/0, FourBitCode::nf4);
  LlamaConfig config;
  config.hidden = 256;
  config.intermediate = 768;
  config.layers = 2;
  config.heads = 8;
  config.kv_heads = 2;
  config.head_size = 32;
  config.vocabulary = 512;
  LlamaPass pass(std::make_shared<const Llama>(config, weights),
                 {LlamaMode::generate, 16, 8, KvFormat::plain});
  const auto inputs = pass.own_inputs(2);
  const at::Tensor expected = pass.forward_all(inputs);
  cudaEvent_t start = nullptr, first = nullptr;
  ASSERT_EQ(cudaEventCreate(&start), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&first), cudaSuccess);
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream().stream();
  pass.at_first_token = [&] {
    ASSERT_EQ(cudaEventRecordWithFlags(first, stream, cudaEventRecordExternal), cudaSuccess);
  };
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  at::cuda::CUDAGraph graph;
  graph.capture_begin();
  const at::Tensor tokens = pass.forward_all(inputs);
  graph.capture_end();
  ASSERT_EQ(cudaEventRecord(start, stream), cudaSuccess);
  graph.replay();
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  float milliseconds = 0;
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, first), cudaSuccess);
  EXPECT_GT(milliseconds, 0);
  EXPECT_TRUE(at::equal(tokens, expected));
  cudaEventDestroy(start);
  cudaEventDestroy(first);
}

/// The kernels for padding: the flash kernel of unequal sequences for prompts, a mask for the tokens after.
TEST_F(OnGpu, padded_prompts_go_on_as_each_does_alone_also_in_a_captured_graph) {
  RandomLlamaWeights weights(gpu, at::kBFloat16, /*seed=*/0, std::nullopt);
  LlamaConfig config;
  config.hidden = 512;
  config.intermediate = 768;
  config.layers = 2;
  config.heads = 8;
  config.kv_heads = 2;
  config.head_size = 64;
  config.vocabulary = 512;
  const auto llama = std::make_shared<const Llama>(config, weights);
  PromptIds prompts{{}, 200};
  for (const std::size_t size : {200, 1, 77, 130}) {
    auto& prompt = prompts.prompts.emplace_back();
    for (std::size_t i = 0; i < size; ++i) prompt.push_back(static_cast<std::int64_t>((i * i + size) % 512));
  }
  LlamaPass pass(llama, {LlamaMode::generate, 200, 8, KvFormat::plain, 0}, prompts);
  const auto inputs = pass.own_inputs(5);
  const auto cache = [&](std::int64_t batch) {
    const auto specs = KvCache::tensors(llama->cache_shape(batch, 201), KvFormat::plain, at::kBFloat16);
    return KvCache(tensors_in_one(specs, gpu), KvFormat::plain, at::kBFloat16);
  };
  KvCache together = cache(5);
  const at::Tensor first = llama->forward(inputs[0], together, 0, inputs[1]).to(at::kFloat);
  const at::Tensor next = inputs[0].narrow(1, 199, 1);
  const at::Tensor second = llama->forward(next, together, 200, inputs[1]).to(at::kFloat);
  for (std::int64_t i = 0; i < 5; ++i) {
    const std::int64_t width = inputs[1][i].item<std::int64_t>();
    const at::Tensor prompt = inputs[0].narrow(0, i, 1).narrow(1, width, 200 - width);
    KvCache alone = cache(1);
    for (const at::Tensor* padded : {&first, &second}) {
      const at::Tensor expected = padded == &first
                                      ? llama->forward(prompt, alone, 0)
                                      : llama->forward(next.narrow(0, i, 1), alone, prompt.size(1));
      const double spread = expected.to(at::kFloat).std().item<double>();
      const at::Tensor error = padded->narrow(0, i, 1).sub(expected.to(at::kFloat)).abs().max();
      EXPECT_LT(error.item<double>(), 0.05 * spread) << i << (padded == &first ? "" : " after a token");
    }
  }
  const at::Tensor expected = pass.forward_all(inputs);
  at::cuda::CUDAGraph graph;
  graph.capture_begin();
  const at::Tensor tokens = pass.forward_all(inputs);
  graph.capture_end();
  graph.replay();
  EXPECT_TRUE(at::equal(tokens, expected));
}

}  // namespace
}  // namespace batchfit
