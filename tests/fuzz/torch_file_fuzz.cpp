#include "files/module.h"
#include "files/torch_file.h"
#include "fuzz.h"

using namespace batchfit;
using namespace batchfit::files;

namespace {

/// Touches what a tensor says is its own, at both ends, for the address sanitizer to see.
void touch(const std::vector<NamedTensor>& tensors) {
  unsigned sum = 0;
  for (const NamedTensor& tensor : tensors) {
    if (tensor.bytes.empty()) continue;
    sum += static_cast<unsigned>(tensor.bytes.front()) + static_cast<unsigned>(tensor.bytes.back());
  }
  promise(sum <= 2 * 255 * tensors.size(), "bytes are bytes");
}

}  // namespace

// Any bytes are a file of torch's or an error, and its tensors lie inside it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = read_torch_file({reinterpret_cast<const std::byte*>(data), size});
  if (!file) return 0;
  if (const auto* dict = file->root->as<Dict>()) {
    if (const auto tensors = tensors_of(*dict)) touch(*tensors);
  }
  if (const auto module = Module::of(*file->root, "")) {
    if (const auto tensors = tensors_of(*module)) touch(*tensors);
  }
  return 0;
}
