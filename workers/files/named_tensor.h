#pragma once

#include <string>
#include <vector>

#include "files/value.h"

namespace batchfit::files {

/// A tensor of a file. `bytes` reach from its first element to the end of its last; strides count elements.
struct NamedTensor {
  std::string name;
  ElementType type = ElementType::float32;
  std::vector<std::int64_t> shape, strides;
  ByteSpan bytes;
};

}  // namespace batchfit::files
