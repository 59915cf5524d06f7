#include "device/nvml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batchfit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Nvml, only_what_slows_a_busy_device_counts_as_throttling) {
  constexpr std::uint64_t idle = 0x1, clocks_set_by_user = 0x2, sync_boost = 0x10, display = 0x100;
  EXPECT_THAT(slowing_reasons(idle | clocks_set_by_user | sync_boost | display), IsEmpty());
  EXPECT_THAT(slowing_reasons(0x04 | 0x40 | idle),
              ElementsAre("software power cap", "hardware thermal slowdown"));
  EXPECT_THAT(slowing_reasons(0x08 | 0x20 | 0x80),
              ElementsAre("hardware slowdown", "software thermal slowdown", "hardware power brake"));
}

TEST(Nvml, a_slice_is_told_by_its_name) {
  EXPECT_EQ(mig_profile("NVIDIA H100 80GB HBM3 MIG 1g.10gb"), "1g.10gb");
  EXPECT_FALSE(mig_profile("NVIDIA H100 80GB HBM3"));
}

TEST(Nvml, without_a_driver_it_is_unavailable_and_says_what_to_do) {
  const auto nvml = Nvml::open();
  if (nvml) GTEST_SKIP() << "this machine has an NVIDIA driver";
  EXPECT_EQ(nvml.error().kind, ErrorKind::unavailable);
  EXPECT_FALSE(nvml.error().remedy.empty());
}

TEST(NvmlOnGpu, a_device_has_an_identity_and_is_found_by_its_uuid) {
  const auto nvml = Nvml::open();
  if (!nvml || nvml->devices().empty()) GTEST_SKIP() << "needs an NVIDIA GPU";
  const auto identity = nvml->devices()[0].identity();
  ASSERT_TRUE(identity) << identity.error().text();
  EXPECT_FALSE(identity->name.empty());
  EXPECT_GT(identity->total_memory, gibibyte);
  EXPECT_TRUE(identity->driver);
  ASSERT_TRUE(nvml->device(identity->uuid));
  EXPECT_GE(nvml->device(identity->uuid)->used_memory().value(), 0);
  EXPECT_FALSE(nvml->device("GPU-none"));
}

}  // namespace
}  // namespace batchfit
