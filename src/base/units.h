#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace batchfit {

using Bytes = std::int64_t;  ///< memory in bytes; never negative
using Seconds = double;      ///< durations in seconds; never negative
using Batch = std::int64_t;  ///< items in one call; at least 1

inline constexpr Bytes kibibyte = 1024;
inline constexpr Bytes mebibyte = 1024 * kibibyte;
inline constexpr Bytes gibibyte = 1024 * mebibyte;

/// "8GiB", "512 MiB", "20GB", "123456" (bytes). GiB/MiB/KiB are powers of 1024, GB/MB/kB of 1000;
/// case-insensitive. usage error for anything else, negative values and values beyond 2^62.
Result<Bytes> parse_bytes(std::string_view text);

/// "50ms", "1.5s", "250us", "2min". A bare number is an error: a duration without a unit is a guess.
Result<Seconds> parse_seconds(std::string_view text);

/// Three significant digits with a binary unit: "17.5 GiB", "700 MiB", "0 B".
std::string format_bytes(Bytes bytes);

/// Three significant digits: "1.01 ms", "36.2 ms", "12.4 s", "850 us".
std::string format_seconds(Seconds seconds);

}  // namespace batchfit
