// What follows a convolution: the kernel's text, where outputs go, and YOLO11 built on it, all without a GPU.
#include "kernels/epilogue.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/epilogue_kernel.h"
#include "kernels/nvrtc.h"
#include "models/joined.h"
#include "models/model.h"
#include "reference.h"

namespace batchfit {
namespace {

using testing::HasSubstr;

TEST(EpilogueKernel, compiles_in_every_dtype_for_the_devices_that_torch_supports) {
  for (const at::ScalarType dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
    for (const char* architecture : {"sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"}) {
      const auto code = compile_epilogue(architecture, dtype);
      if (!code && code.error().kind == ErrorKind::unavailable) GTEST_SKIP() << code.error().text();
      ASSERT_TRUE(code) << code.error().text();
      EXPECT_THAT(*code, HasSubstr("finish_groups"));
      EXPECT_THAT(*code, HasSubstr("finish_elements"));
    }
  }
}

TEST(Nvrtc, what_cannot_be_compiled_is_an_error_with_the_compilers_words) {
  const auto code = compile_cuda("extern \"C\" __global__ void nonsense() { what(); }", "sm_90", {});
  ASSERT_FALSE(code);
  if (code.error().kind == ErrorKind::unavailable) GTEST_SKIP() << code.error().text();
  EXPECT_THAT(code.error().message, HasSubstr("identifier \"what\" is undefined"));
}

TEST(Ending, an_output_is_added_to_and_put_in_its_place) {
  const c10::InferenceMode no_gradients;
  const at::Tensor output = at::randn({2, 3, 4, 5}), added = at::randn({2, 3, 4, 5});
  const at::Tensor whole = at::randn({2, 8, 4, 5}), before = whole.clone();
  const at::Tensor given = Ending{added, whole.narrow(1, 2, 3)}.adding(added).apply(output.clone());
  EXPECT_TRUE(at::allclose(given, output.add(added).add(added)));
  EXPECT_TRUE(at::equal(given, whole.narrow(1, 2, 3)));
  EXPECT_TRUE(at::equal(whole.narrow(1, 5, 3), before.narrow(1, 5, 3)));
  EXPECT_TRUE(at::equal(Ending{}.apply(output), output));
}

TEST(Joined, parts_are_side_by_side_however_they_are_brought_there) {
  const c10::InferenceMode no_gradients;
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const at::Tensor one = at::randn({2, 3, 4, 5}).contiguous(format);
    const at::Tensor two = at::randn({2, 2, 4, 5}).contiguous(format);
    for (const bool in_place : {false, true}) {
      Joined joined(in_place, one, 5);
      for (const at::Tensor& part : {one, two}) {
        EXPECT_TRUE(at::equal(joined.add(joined.next(part.size(1)).apply(part.clone())), part));
      }
      const at::Tensor whole = joined.take();
      EXPECT_TRUE(at::equal(whole, at::cat({one, two}, 1)));
      EXPECT_TRUE(whole.is_contiguous(format));
    }
  }
}

/// As the kernel does it, by ATen.
class PlainEpilogue : public Epilogue {
 public:
  at::Tensor finish(at::Tensor output, const at::Tensor& bias, bool silu,
                    const Ending& ending) const override {
    output.add_(bias.view({-1, 1, 1}));
    return ending.apply(silu ? at::silu_(output) : output);
  }
};

TEST(Yolo, a_pass_whose_convolutions_end_in_an_epilogue_gives_the_same) {
  const c10::InferenceMode no_gradients;
  const at::Tensor input = at::rand({2, 3, 32, 64});
  const auto output = [&](char scale, const BuildOptions& options) {
    HashWeights weights(at::kCPU);
    const auto build = scale == 'n' ? build_yolo11_pose<'n'> : build_yolo11_pose<'m'>;
    return build(weights, options)->forward(input);
  };
  for (const char scale : {'n', 'm'}) {  // without and with blocks in every place
    const at::Tensor plain = output(scale, {});
    for (const bool channels_last : {false, true}) {
      const BuildOptions options{at::kFloat, channels_last, true, std::make_shared<const PlainEpilogue>()};
      const auto deviation = compare_outputs(output(scale, options), plain);
      ASSERT_TRUE(deviation);
      EXPECT_LT(deviation->ratio(), 1e-4) << scale << (channels_last ? ", channels last" : "");
    }
  }
}

}  // namespace
}  // namespace batchfit
