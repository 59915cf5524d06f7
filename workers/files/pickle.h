#pragma once

#include "base/error.h"
#include "files/value.h"

namespace batchfit::files {

// Bounds on what one pickle may ask for. A checkpoint of a thousand tensors has about 20 thousand values.
inline constexpr std::size_t longest_pickle = 256 << 20;
inline constexpr std::size_t most_values = 4'000'000;
inline constexpr std::size_t most_dimensions = 64;

struct Unpickled {
  const Value* root = nullptr;
  std::size_t length = 0;  ///< bytes that the pickle took
};

/// Reads one pickle (protocols 0 to 5; Python's pickletools describes the opcodes) from the start of `bytes`
/// into values that live in the arena. Nothing is called and nothing imported: an unknown class or function
/// becomes a Record. Understood as data are OrderedDict, set, torch.Size, Parameter, persistent ids of
/// storages and torch's functions that rebuild tensors. corrupt error that says where, for anything that is
/// no whole pickle or that goes beyond the bounds.
Result<Unpickled> unpickle(ByteSpan bytes, Arena& arena);

}  // namespace batchfit::files
