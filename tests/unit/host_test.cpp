#include "device/host.h"

#include <gtest/gtest.h>

namespace batchfit {
namespace {

TEST(Host, figures_are_read_from_the_kernels_files) {
  EXPECT_EQ(kilobytes_field("MemTotal:       24684096 kB\nMemFree: 5 kB\n", "MemTotal"), 24684096 * kibibyte);
  EXPECT_EQ(kilobytes_field("VmPeak:\t 9 kB\nVmHWM:\t  1234 kB\n", "VmHWM"), 1234 * kibibyte);
  EXPECT_FALSE(kilobytes_field("VmPeak: 9 kB\n", "VmHWM"));
  EXPECT_FALSE(kilobytes_field("VmHWM: many kB\n", "VmHWM"));
  EXPECT_EQ(text_field("processor\t: 0\nmodel name\t: AMD EPYC 9554\nmodel name\t: other\n", "model name"),
            "AMD EPYC 9554");
}

TEST(Host, a_control_group_without_a_limit_has_none) {
  EXPECT_EQ(control_group_limit("4294967296\n"), 4 * gibibyte);
  EXPECT_FALSE(control_group_limit("max\n"));
  EXPECT_FALSE(control_group_limit(""));
}

TEST(Host, both_versions_of_control_groups_are_found) {
  const char* groups = "8:pids:/p\n4:memory:/job/step\n0::/user.slice\n";
  EXPECT_EQ(control_group_path(groups, ""), "/user.slice");
  EXPECT_EQ(control_group_path(groups, "memory"), "/job/step");
  EXPECT_FALSE(control_group_path(groups, "cpu"));
}

TEST(Host, this_process_uses_less_than_it_may) {
  ASSERT_TRUE(usable_memory());
  ASSERT_TRUE(peak_resident_memory());
  EXPECT_GT(*peak_resident_memory(), 0);
  EXPECT_LT(*peak_resident_memory(), *usable_memory());
  EXPECT_FALSE(processor_name().empty());
}

}  // namespace
}  // namespace batchfit
