#include "files/module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files/pickle.h"
#include "files/weights_file.h"

namespace batchfit::files {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Module, tells_classes_settings_and_children) {
  const auto file = WeightsFile::open(BATCHFIT_TEST_DATA "/weights/module.pth").value();
  const Module& model = *file->module();
  EXPECT_EQ(model.class_name(), "Sequential");
  const auto children = model.children();
  ASSERT_TRUE(children);
  ASSERT_EQ(children->size(), 2U);
  EXPECT_EQ((*children)[1].second.class_name(), "Linear");
  EXPECT_EQ((*children)[1].second.integer("in_features"), 4);
  const Module block = model.child("0").value();
  EXPECT_EQ(block.class_name(), "Block");
  EXPECT_EQ(block.number("scale"), 0.5);
  EXPECT_EQ(block.flag("training"), true);
  EXPECT_THAT(block.integers("sizes").value(), ElementsAre(8, 16));
  const Module conv = block.child("conv").value();
  EXPECT_EQ(conv.path(), "0.conv");
  EXPECT_THAT(conv.integers("stride").value(), ElementsAre(2, 2));
  EXPECT_EQ(block.child("bn")->number("eps"), 1e-3);
}

TEST(Module, a_setting_that_is_missing_or_made_by_a_call_is_an_error_that_names_it) {
  const auto file = WeightsFile::open(BATCHFIT_TEST_DATA "/weights/module.pth").value();
  const Module block = file->module()->child("0").value();
  EXPECT_THAT(block.integer("made").error().message,
              HasSubstr("0.made is the result of calling torch.device, which is never called here"));
  EXPECT_THAT(block.integer("width").error().message, HasSubstr("0.width is missing"));
  EXPECT_THAT(block.integers("scale").error().message, HasSubstr("0.scale is the number 0.5"));
  EXPECT_THAT(file->module()->child("7").error().message, HasSubstr("7 is missing"));
}

Result<std::vector<NamedTensor>> tensors_in(const std::string& pickle) {
  Arena arena;
  const auto root = unpickle({reinterpret_cast<const std::byte*>(pickle.data()), pickle.size()}, arena);
  if (!root) return failure(root.error());
  const auto module = Module::of(*root->root, "");
  if (!module) return failure(module.error());
  return tensors_of(*module);
}

TEST(Module, one_that_holds_itself_is_refused_and_not_walked_forever) {
  using namespace std::string_literals;
  EXPECT_TRUE(
      tensors_in("\x80\x02"
                 "cm\nM\n)\x81}(X\x0b\0\0\0_parameters}X\x08\0\0\0_buffers}X\x08\0\0\0_modules}ub."s));
  const auto cyclic = tensors_in(
      "\x80\x02"
      "cm\nM\n)\x81q\0}(X\x0b\0\0\0_parameters}X\x08\0\0\0_buffers}X\x08\0\0\0_modules}X\x01\0\0\0ah\0sub."s);
  ASSERT_FALSE(cyclic);
  EXPECT_THAT(cyclic.error().message, HasSubstr("more modules than any model has"));
}

}  // namespace
}  // namespace batchfit::files
