#pragma once

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "files/named_tensor.h"

namespace batchfit::files {

inline double half_value(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

inline double brain_value(std::uint16_t bits) {
  return static_cast<double>(std::bit_cast<float>(std::uint32_t{bits} << 16));
}

template <class T>
T element_as(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

/// The real value of one element; of a complex number the real part.
inline double element(ElementType type, const std::byte* at) {
  switch (type) {
    case ElementType::float32:
    case ElementType::complex64:
      return static_cast<double>(element_as<float>(at));
    case ElementType::float64:
    case ElementType::complex128:
      return element_as<double>(at);
    case ElementType::float16:
      return half_value(element_as<std::uint16_t>(at));
    case ElementType::bfloat16:
      return brain_value(element_as<std::uint16_t>(at));
    case ElementType::int8:
      return element_as<std::int8_t>(at);
    case ElementType::int16:
      return element_as<std::int16_t>(at);
    case ElementType::int32:
      return element_as<std::int32_t>(at);
    case ElementType::int64:
      return static_cast<double>(element_as<std::int64_t>(at));
    case ElementType::uint16:
      return element_as<std::uint16_t>(at);
    default:
      return element_as<std::uint8_t>(at);
  }
}

/// All values in the order of the indices.
inline std::vector<double> values_of(const NamedTensor& tensor) {
  std::vector<double> values;
  std::vector<std::int64_t> index(tensor.shape.size(), 0);
  for (const std::int64_t size : tensor.shape) {
    if (size == 0) return values;
  }
  for (;;) {
    std::int64_t at = 0;
    for (std::size_t i = 0; i < index.size(); ++i) at += index[i] * tensor.strides[i];
    values.push_back(element(tensor.type, tensor.bytes.data() + at * size_of(tensor.type)));
    std::size_t i = index.size();
    while (i > 0 && ++index[i - 1] == tensor.shape[i - 1]) index[--i] = 0;
    if (i == 0) return values;
  }
}

}  // namespace batchfit::files
