#include "files/safetensors.h"
#include "fuzz.h"

using namespace batchfit;
using namespace batchfit::files;

// Any bytes are a safetensors file or an error, and its tensors are as long as their shapes say and lie
// inside it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* start = reinterpret_cast<const std::byte*>(data);
  const auto tensors = read_safetensors({start, size});
  if (!tensors) return 0;
  for (const NamedTensor& tensor : *tensors) {
    std::int64_t bytes = size_of(tensor.type);
    for (const std::int64_t extent : tensor.shape) bytes *= extent;
    promise(static_cast<std::int64_t>(tensor.bytes.size()) == bytes, "a tensor has its shape's bytes");
    promise(tensor.bytes.empty() || (tensor.bytes.data() >= start && &tensor.bytes.back() < start + size),
            "a tensor lies inside the file");
  }
  return 0;
}
