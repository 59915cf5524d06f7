#include <gtest/gtest.h>

#include "base/file.h"
#include "elements.h"
#include "files/module.h"
#include "files/torch_file.h"

namespace batchfit::files {
namespace {

/// Reads all that the bytes lead to; whether there was a state dict or a module in it.
bool reads(const std::string& bytes) {
  const auto file = read_torch_file({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()});
  if (!file) return false;
  Result<std::vector<NamedTensor>> tensors;
  if (const auto* dict = file->root->as<Dict>()) {
    tensors = tensors_of(*dict);
  } else {
    const auto module = Module::of(*file->root, "");
    if (!module) return false;
    tensors = tensors_of(*module);
  }
  if (!tensors) return false;
  for (const NamedTensor& tensor : *tensors) {
    if (!tensor.bytes.empty())
      element(tensor.type, tensor.bytes.data() + tensor.bytes.size() - size_of(tensor.type));
  }
  return true;
}

class Damage : public testing::TestWithParam<const char*> {
 protected:
  const std::string whole = read_file(std::string(BATCHFIT_TEST_DATA "/weights/") + GetParam()).value();
};
INSTANTIATE_TEST_SUITE_P(Of, Damage, testing::Values("tiny-state-dict.pth", "tiny-state-dict-legacy.pth"));

TEST_P(Damage, every_file_that_is_cut_short_is_refused) {
  ASSERT_TRUE(reads(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(reads(whole.substr(0, size))) << size;
}

/// What a damaged file leads to stays inside it: the sanitizers' builds check each access.
TEST_P(Damage, a_changed_byte_gives_other_tensors_or_an_error) {
  std::size_t refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char change : {'\x01', '\x80', '\xff'}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ change);
      refused += reads(changed) ? 0 : 1;
    }
  }
  EXPECT_GT(refused, whole.size() / 4);
  EXPECT_LT(refused, 3 * whole.size());  // values, paddings and time stamps change nothing else
}

}  // namespace
}  // namespace batchfit::files
