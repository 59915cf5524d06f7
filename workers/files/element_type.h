#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace batchfit::files {

/// What a stored tensor's elements are.
enum class ElementType : std::uint8_t {
  float32,
  float64,
  float16,
  bfloat16,
  float8_e4m3fn,
  float8_e5m2,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  boolean,
  complex64,
  complex128,
};

/// Bytes of one element.
std::int64_t size_of(ElementType type);

/// torch's name of it: "float32", "bool".
std::string_view name_of(ElementType type);

// Each gives nothing where the name is of no type that is known.
std::optional<ElementType> type_of_storage_class(std::string_view name);  ///< torch's "FloatStorage"
std::optional<ElementType> type_of_torch_dtype(std::string_view name);    ///< "float32"
std::optional<ElementType> type_of_safetensors(std::string_view name);    ///< "F32"

}  // namespace batchfit::files
