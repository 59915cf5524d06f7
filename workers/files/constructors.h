#pragma once

#include "base/error.h"
#include "files/value.h"

namespace batchfit::files {

/// What a persistent id stands for: the storage that torch names so, or the class that an old file wraps with
/// its source. Error, whose message continues "the pickle …", for any other.
Result<Value> from_persistent_id(const Value& id);

/// What calling `maker` would give, where that is known to be plain data; else a Record of the call. Error
/// like the above where a tensor is rebuilt from what is no storage, or reaches beyond its storage.
Result<Value> from_call(const Value& maker, const Value& arguments);

}  // namespace batchfit::files
