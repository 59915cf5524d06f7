#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"

namespace batchfit {

/// The processor's model as /proc/cpuinfo names it ("AMD EPYC 9554 64-Core Processor"); "CPU" where it does
/// not.
std::string processor_name();

/// The memory that this process may use: the machine's, or the limit of its control group where that is less.
/// Absent where /proc tells neither.
std::optional<Bytes> usable_memory();

/// This process's peak resident memory (VmHWM); absent where /proc does not tell it. It never comes down.
std::optional<Bytes> peak_resident_memory();

// The readers of the kernel's files behind the above, on their text.

/// The value of a "Name:   123 kB" line of /proc/meminfo or /proc/PID/status.
std::optional<Bytes> kilobytes_field(std::string_view text, std::string_view name);

/// The value of a "model name : …" line of /proc/cpuinfo.
std::optional<std::string> text_field(std::string_view text, std::string_view name);

/// A control group's memory.max ("max" is none) or version 1's memory.limit_in_bytes (whose "none" is a huge
/// number, harmless in a minimum).
std::optional<Bytes> control_group_limit(std::string_view text);

/// The path of version 2's group in /proc/self/cgroup ("0::/user.slice"), or of version 1's memory
/// controller.
std::optional<std::string> control_group_path(std::string_view text, std::string_view controller);

}  // namespace batchfit
