#pragma once

#include "base/error.h"
#include "files/value.h"

namespace batchfit::files {

/// What torch.save wrote: the object, its storages' bytes being views into the file.
struct TorchFile {
  Arena arena;
  const Value* root = nullptr;
};

/// Whether the bytes begin as one of the two formats does.
bool is_torch_file(ByteSpan bytes);

/// Reads the zip format, or the one that torch wrote before 1.6 (a row of pickles, then the storages).
/// corrupt error where anything is outside the file or is not as the formats have it. Nothing in the file is
/// run.
Result<TorchFile> read_torch_file(ByteSpan bytes);

}  // namespace batchfit::files
