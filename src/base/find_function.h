#pragma once

#include <dlfcn.h>

namespace batchfit {

/// Looks up a function of a library that dlopen gave; false, and null, where it has none of that name.
template <class Signature>
bool find_function(void* library, const char* name, Signature*& function) {
  function = reinterpret_cast<Signature*>(::dlsym(library, name));
  return function != nullptr;
}

}  // namespace batchfit
