#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "files/bytes.h"
#include "files/element_type.h"

// What a pickle describes, as data. Texts are views into the pickle. Values refer to each other freely, in
// cycles too: whoever walks them bounds the walk.
namespace batchfit::files {

struct Value;

struct None {};
/// A whole number beyond 64 bits: its two's complement bytes, little-endian.
struct BigInteger {
  std::string_view bytes;
};
struct Text {
  std::string_view text;
};
struct Bytes {
  std::string_view bytes;
};
struct List {
  std::vector<const Value*> items;
};
struct Tuple {
  std::vector<const Value*> items;
};
struct Set {
  std::vector<const Value*> items;
};
/// Entries in the order in which they were put in: of equal keys the last one counts.
struct Dict {
  std::vector<std::pair<const Value*, const Value*>> entries;
};
/// The name of a class or function, which is never looked up.
struct Global {
  std::string_view module, name;
  std::string path() const { return std::string(module) + "." + std::string(name); }
};
/// Bytes that tensors share; filled in by whoever knows the file.
struct Storage {
  ElementType type = ElementType::float32;
  bool untyped = false;  ///< counted in bytes; a tensor brings its own type
  std::string_view key;
  std::int64_t elements = 0;
  ByteSpan bytes;
};
/// A view of a storage, checked to lie inside its `elements`. Offset and strides count elements.
struct Tensor {
  const Storage* storage = nullptr;
  ElementType type = ElementType::float32;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape, strides;
};
/// What Python would have made by calling something of the file's choice. Nothing was called: this is what
/// the pickle says about it.
struct Record {
  const Value* maker = nullptr;  ///< what would have been called; mostly a Global
  const Value* arguments = nullptr;
  const Value* state = nullptr;     ///< what BUILD would have set; null: nothing
  bool is_object = false;           ///< an object of class `maker`, no call's result
  std::vector<const Value*> items;  ///< of a subclass of list
  std::vector<std::pair<const Value*, const Value*>> entries;  ///< of a subclass of dict
};

struct Value {
  std::variant<None, bool, std::int64_t, double, BigInteger, Text, Bytes, List, Tuple, Set, Dict, Global,
               Storage, Tensor, Record>
      data;

  template <class T>
  const T* as() const {
    return std::get_if<T>(&data);
  }
  template <class T>
  T* as() {
    return std::get_if<T>(&data);
  }
};

/// Owns values, whose addresses stay. What refers into it must not outlive it.
using Arena = std::deque<Value>;

/// What a value is, for an error: "a list", "the result of calling posix.system".
std::string describe(const Value& value);

/// The value at a text key; null where there is none.
const Value* find(const Dict& dict, std::string_view key);

}  // namespace batchfit::files
