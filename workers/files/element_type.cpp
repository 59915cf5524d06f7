#include "files/element_type.h"

#include <algorithm>
#include <array>

namespace batchfit::files {
namespace {

struct Row {
  ElementType type;
  std::int64_t size;
  std::string_view torch_dtype, storage_class, safetensors;  // empty: has no such name
};

// In the order of the enumeration. Names: torch's documentation of dtypes and storages; the safetensors
// format's.
constexpr std::array<Row, 17> rows{{
    {ElementType::float32, 4, "float32", "FloatStorage", "F32"},
    {ElementType::float64, 8, "float64", "DoubleStorage", "F64"},
    {ElementType::float16, 2, "float16", "HalfStorage", "F16"},
    {ElementType::bfloat16, 2, "bfloat16", "BFloat16Storage", "BF16"},
    {ElementType::float8_e4m3fn, 1, "float8_e4m3fn", "", "F8_E4M3"},
    {ElementType::float8_e5m2, 1, "float8_e5m2", "", "F8_E5M2"},
    {ElementType::int8, 1, "int8", "CharStorage", "I8"},
    {ElementType::int16, 2, "int16", "ShortStorage", "I16"},
    {ElementType::int32, 4, "int32", "IntStorage", "I32"},
    {ElementType::int64, 8, "int64", "LongStorage", "I64"},
    {ElementType::uint8, 1, "uint8", "ByteStorage", "U8"},
    {ElementType::uint16, 2, "uint16", "", "U16"},
    {ElementType::uint32, 4, "uint32", "", "U32"},
    {ElementType::uint64, 8, "uint64", "", "U64"},
    {ElementType::boolean, 1, "bool", "BoolStorage", "BOOL"},
    {ElementType::complex64, 8, "complex64", "ComplexFloatStorage", "C64"},
    {ElementType::complex128, 16, "complex128", "ComplexDoubleStorage", ""},
}};

const Row& row_of(ElementType type) { return rows.at(static_cast<std::size_t>(type)); }

std::optional<ElementType> find(std::string_view Row::*column, std::string_view name) {
  const auto* row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.*column == name; });
  if (name.empty() || row == rows.end()) return std::nullopt;
  return row->type;
}

}  // namespace

std::int64_t size_of(ElementType type) { return row_of(type).size; }
std::string_view name_of(ElementType type) { return row_of(type).torch_dtype; }

std::optional<ElementType> type_of_storage_class(std::string_view name) {
  return find(&Row::storage_class, name);
}
std::optional<ElementType> type_of_torch_dtype(std::string_view name) {
  return find(&Row::torch_dtype, name);
}
std::optional<ElementType> type_of_safetensors(std::string_view name) {
  return find(&Row::safetensors, name);
}

}  // namespace batchfit::files
