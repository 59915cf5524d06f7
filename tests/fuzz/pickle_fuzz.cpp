#include "files/module.h"
#include "files/pickle.h"
#include "fuzz.h"

using namespace batchfit;
using namespace batchfit::files;

// Any bytes are a pickle or an error; what is no longer than the bytes; and every tensor in it lies inside
// the storage it names.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Arena arena;
  const auto unpickled = unpickle({reinterpret_cast<const std::byte*>(data), size}, arena);
  if (!unpickled) return 0;
  promise(unpickled->length <= size, "a pickle ends inside its bytes");
  promise(!describe(*unpickled->root).empty(), "a value can be described");
  for (const Value& value : arena) {
    const auto* tensor = value.as<Tensor>();
    if (tensor == nullptr) continue;
    std::int64_t end = tensor->offset;
    for (std::size_t i = 0; i < tensor->shape.size(); ++i) {
      if (tensor->shape[i] == 0) end = -1;
      if (end >= 0) end += (tensor->shape[i] - 1) * tensor->strides[i];
    }
    const std::int64_t bytes = tensor->storage->elements * size_of(tensor->storage->type);
    promise(end < 0 || (end + 1) * size_of(tensor->type) <= bytes, "a tensor lies inside its storage");
  }
  return 0;
}
