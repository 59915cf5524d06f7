#pragma once

#include <concepts>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace batchfit::files {

using ByteSpan = std::span<const std::byte>;

inline std::string_view text_of(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Text of a file as an error may show it: short, and without what would steer a terminal.
inline std::string shown(std::string_view text) {
  constexpr std::size_t longest = 80;
  std::string out(text.substr(0, longest));
  for (char& c : out) c = c < ' ' || c > '~' ? '?' : c;
  return text.size() > longest ? out + "..." : out;
}

/// The `size` bytes from `offset` on; nothing where they are not all there.
inline std::optional<ByteSpan> part_of(ByteSpan bytes, std::uint64_t offset, std::uint64_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) return std::nullopt;
  return bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

/// The number that stands at `offset`, little-endian as this machine is; nothing beyond the end.
template <class T>
requires std::integral<T> || std::floating_point<T> std::optional<T> number_at(ByteSpan bytes,
                                                                               std::uint64_t offset) {
  const auto part = part_of(bytes, offset, sizeof(T));
  if (!part) return std::nullopt;
  T value;
  std::memcpy(&value, part->data(), sizeof(T));
  return value;
}

}  // namespace batchfit::files
