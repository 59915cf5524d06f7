#pragma once

#include <vector>

#include "base/error.h"
#include "files/named_tensor.h"

namespace batchfit::files {

/// Whether the bytes begin with a header as the safetensors format has it.
bool is_safetensors(ByteSpan bytes);

/// Reads the format: eight bytes of the header's length, the header as JSON, the tensors' bytes. corrupt
/// error where a tensor lies outside the file or in another, or is not as long as its shape says.
Result<std::vector<NamedTensor>> read_safetensors(ByteSpan bytes);

}  // namespace batchfit::files
