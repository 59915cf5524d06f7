// The kernel that convolutions end in beside ATen's operations. Skipped without a GPU, or without NVRTC.
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>

#include "kernels/epilogue.h"
#include "loaded_model.h"
#include "on_gpu.h"
#include "runtime.h"

namespace batchfit {
namespace {

struct Case {
  const char* name;
  std::vector<std::int64_t> shape;
  at::MemoryFormat format = at::MemoryFormat::Contiguous;
};

class EpilogueKernels : public OnGpu, public testing::WithParamInterface<at::ScalarType> {
 protected:
  void SetUp() override {
    OnGpu::SetUp();
    if (IsSkipped()) return;
    const auto made = cuda_epilogue(gpu, GetParam());
    if (!made && made.error().kind == ErrorKind::unavailable) GTEST_SKIP() << made.error().text();
    ASSERT_TRUE(made) << made.error().text();
    epilogue_ = *made;
  }

  at::Tensor random(const std::vector<std::int64_t>& shape,
                    at::MemoryFormat format = at::MemoryFormat::Contiguous) const {
    const auto options = at::TensorOptions().device(gpu).dtype(GetParam());
    return at::randn(shape, options).mul_(4).contiguous(format);
  }

  /// In float32, as one step after the other would give it without rounding between.
  static at::Tensor expected(const at::Tensor& x, const at::Tensor& bias, bool silu,
                             const at::Tensor& added) {
    at::Tensor value = x.to(at::kFloat).add(bias.to(at::kFloat).view({-1, 1, 1}));
    if (silu) value = at::silu(value);
    return added.defined() ? value.add(added.to(at::kFloat)) : value;
  }

  /// Beyond half a unit in the dtype's last place.
  static void expect_near(const at::Tensor& given, const at::Tensor& wanted) {
    const double relative = GetParam() == at::kFloat ? 1e-5 : GetParam() == at::kHalf ? 1e-3 : 8e-3;
    EXPECT_TRUE(at::allclose(given.to(at::kFloat), wanted, relative, 1e-5));
  }

  const Epilogue& epilogue() const { return *epilogue_; }

 private:
  std::shared_ptr<const Epilogue> epilogue_;
};
INSTANTIATE_TEST_SUITE_P(Dtypes, EpilogueKernels, testing::Values(at::kFloat, at::kHalf, at::kBFloat16),
                         [](const auto& instance) { return dtype_name(instance.param); });

TEST_P(EpilogueKernels, give_what_aten_gives_for_every_shape_and_layout) {
  const auto last = at::MemoryFormat::ChannelsLast;
  const std::vector<Case> cases{{"whole groups", {3, 16, 20, 20}},
                                {"odd planes", {3, 5, 7, 9}},
                                {"one pixel", {4, 24, 1, 1}},
                                {"one item", {1, 64, 80, 80}},
                                {"one channel", {2, 1, 40, 40}},
                                {"many items", {700, 8, 4, 4}},
                                {"channels last", {3, 16, 20, 20}, last},
                                {"odd channels last", {3, 51, 7, 9}, last}};
  for (const Case& a : cases) {
    for (const bool silu : {false, true}) {
      for (const bool adds : {false, true}) {
        SCOPED_TRACE(std::string(a.name) + (silu ? ", silu" : "") + (adds ? ", added" : ""));
        const at::Tensor x = random(a.shape, a.format), bias = random({a.shape[1]});
        const at::Tensor added = adds ? random(a.shape, a.format) : at::Tensor();
        const at::Tensor wanted = expected(x, bias, silu, added);
        const at::Tensor given = epilogue().finish(x, bias, silu, {added, {}});
        EXPECT_EQ(given.const_data_ptr(), x.const_data_ptr());
        expect_near(given, wanted);
      }
    }
  }
}

TEST_P(EpilogueKernels, write_and_add_where_channels_are_part_of_a_larger_tensor) {
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    for (const std::int64_t first : {8, 3}) {  // the latter misaligned by channels
      SCOPED_TRACE(first);
      const at::Tensor whole = random({3, 40, 12, 12}, format), before = whole.clone();
      const at::Tensor x = random({3, 16, 12, 12}, format), bias = random({16});
      const at::Tensor added = whole.narrow(1, 20, 16), out = whole.narrow(1, first, 16);
      const at::Tensor wanted = expected(x, bias, true, before.narrow(1, 20, 16));
      epilogue().finish(x, bias, true, {added, out});
      expect_near(whole.narrow(1, first, 16), wanted);
      EXPECT_TRUE(at::equal(whole.narrow(1, 0, first), before.narrow(1, 0, first)));
      const std::int64_t after = first + 16;
      EXPECT_TRUE(at::equal(whole.narrow(1, after, 40 - after), before.narrow(1, after, 40 - after)));
    }
  }
}

TEST_P(EpilogueKernels, write_planes_among_those_of_other_levels) {
  for (const std::int64_t first : {16, 3}) {
    SCOPED_TRACE(first);
    const at::Tensor all = random({3, 5, 200}), before = all.clone();
    const at::Tensor x = random({3, 5, 12, 12}), bias = random({5});
    const at::Tensor level = all.narrow(2, first, 144).view({3, 5, 12, 12});
    const at::Tensor wanted = expected(x, bias, false, {});
    epilogue().finish(x, bias, false, {{}, level});
    expect_near(level, wanted);
    EXPECT_TRUE(at::equal(all.narrow(2, 0, first), before.narrow(2, 0, first)));
    const std::int64_t after = first + 144;
    EXPECT_TRUE(at::equal(all.narrow(2, after, 200 - after), before.narrow(2, after, 200 - after)));
  }
}

TEST_P(EpilogueKernels, refuse_what_is_of_another_size) {
  const at::Tensor x = random({2, 8, 4, 4}), bias = random({8});
  EXPECT_THROW(epilogue().finish(x, bias, true, {{}, random({2, 7, 4, 4})}), c10::Error);
  EXPECT_THROW(epilogue().finish(x, bias, true, {random({2, 1, 4, 4}), {}}), c10::Error);
}

TEST_P(EpilogueKernels, take_tensors_that_do_not_begin_at_16_bytes) {
  const at::Tensor storage = random({1 + 2 * 8 * 4 * 4});
  const at::Tensor x = storage.narrow(0, 1, 2 * 8 * 4 * 4).view({2, 8, 4, 4}),
                   bias = random({9}).narrow(0, 1, 8);
  const at::Tensor wanted = expected(x, bias, true, {});
  const at::Tensor first = storage[0].clone();
  expect_near(epilogue().finish(x, bias, true, {}), wanted);
  EXPECT_TRUE(at::equal(storage[0], first));
}

TEST_P(EpilogueKernels, add_what_lies_in_another_way) {
  const at::Tensor x = random({2, 16, 10, 10}, at::MemoryFormat::ChannelsLast), bias = random({16});
  const at::Tensor added = random({2, 16, 10, 10});
  const at::Tensor rounded = expected(x, bias, true, {}).to(GetParam());
  const at::Tensor wanted = rounded.to(at::kFloat).add(added.to(at::kFloat));
  const at::Tensor given = epilogue().finish(x, bias, true, {added, {}}).to(at::kFloat);
  // Rounded twice: what the first rounding lost stays where the sum is small.
  EXPECT_LT(given.sub(wanted).abs().max().item<double>(), 0.05 * wanted.std().item<double>());
}

TEST_P(EpilogueKernels, keep_infinities_and_zeros_as_silu_does) {
  const at::Tensor x = random({1, 1, 1, 8}).zero_(), bias = random({1}).zero_();
  const std::vector<double> values{0, 1e4, -1e4, 88, -88, -100, 30, -30};
  for (std::size_t i = 0; i < values.size(); ++i) x.view({-1})[static_cast<std::int64_t>(i)].fill_(values[i]);
  expect_near(epilogue().finish(x.clone(), bias, true, {}), expected(x, bias, true, {}));
}

TEST_P(EpilogueKernels, are_replayed_on_the_inputs_of_each_replay) {
  const at::Tensor input = random({4, 16, 20, 20}), bias = random({16}), added = random({4, 16, 20, 20});
  c10::cuda::getCurrentCUDAStream().synchronize();
  at::cuda::CUDAGraph graph;
  graph.capture_begin();
  const at::Tensor odd = input.narrow(2, 0, 19).contiguous();
  const at::Tensor given = epilogue().finish(input.clone(), bias, true, {added, {}});
  const at::Tensor odd_given = epilogue().finish(odd, bias, false, {});
  graph.capture_end();
  for (int replay = 0; replay < 2; ++replay) {
    input.normal_();
    added.normal_();
    graph.replay();
    expect_near(given, expected(input, bias, true, added));
    expect_near(odd_given, expected(input.narrow(2, 0, 19), bias, false, {}));
  }
}

TEST_P(EpilogueKernels, reach_all_of_a_tensor_beyond_32_bits) {
  // fp32: 2.2e9 elements of 4 bytes, one channel more than 2^31 hold.
  const std::int64_t items = (std::int64_t{1} << 31) / (8 * 512 * 512) + 1;
  const std::size_t bytes = static_cast<std::size_t>(items) * 8 * 512 * 512 * c10::elementSize(GetParam());
  std::size_t free = 0, total = 0;
  ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  if (free < 2 * bytes) GTEST_SKIP() << "needs " << 2 * bytes << " bytes of device memory";
  const auto options = at::TensorOptions().device(gpu).dtype(GetParam());
  const at::Tensor x = at::empty({items, 8, 512, 512}, options).fill_(2), bias = random({8});
  const at::Tensor wanted = expected(x.narrow(0, 0, 1), bias, true, {});
  epilogue().finish(x, bias, true, {});
  for (const std::int64_t item : {std::int64_t{0}, items / 2, items - 1})
    expect_near(x.narrow(0, item, 1), wanted);
  // Elements one by one, of a view that no group fits.
  const at::Tensor odd =
      x.view({-1}).narrow(0, 1, (items - 1) * 8 * 512 * 512).view({items - 1, 8, 512, 512});
  odd.fill_(2);
  epilogue().finish(odd, bias, true, {});
  for (const std::int64_t item : {std::int64_t{0}, items - 2}) expect_near(odd.narrow(0, item, 1), wanted);
}

TEST_F(OnGpu, yolo_folded_and_not_give_the_same_also_by_channels) {
  apply_kernel_settings(/*tf32=*/false);
  const at::Tensor input = at::rand({2, 3, 320, 352}, at::TensorOptions().device(gpu));
  const auto output = [&](const char* dtype, bool folds, bool channels_last) {
    LoadRequest request;
    request.model = "yolo11n-pose";
    request.dtype = dtype;
    request.fold_batchnorm = folds;
    request.channels_last = channels_last;
    const auto loaded = build_model(request, gpu);
    EXPECT_TRUE(loaded);
    const auto format = channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
    return loaded->run({input.to(loaded->dtype).contiguous(format)}).to(at::kFloat);
  };
  for (const char* dtype : {"fp32", "fp16"}) {
    const double tolerance = std::string(dtype) == "fp32" ? 1e-3 : 5e-2;
    const at::Tensor kept = output(dtype, false, false);
    for (const bool channels_last : {false, true}) {
      const at::Tensor folded = output(dtype, true, channels_last);
      const double ratio = folded.sub(kept).abs().max().item<double>() / kept.std().item<double>();
      EXPECT_LT(ratio, tolerance) << dtype << (channels_last ? ", channels last" : "");
    }
  }
}

}  // namespace
}  // namespace batchfit
