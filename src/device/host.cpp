#include "device/host.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/file.h"

namespace batchfit {
namespace {

constexpr std::string_view blank = " \t\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

std::optional<Bytes> leading_number(std::string_view text) {
  Bytes value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

std::string contents(const std::filesystem::path& path) { return read_file(path).value_or(""); }

/// The least limit from the group up to the root of its hierarchy: each of them binds.
std::optional<Bytes> least_limit(const std::filesystem::path& root, const std::string& group,
                                 const char* file) {
  std::optional<Bytes> least;
  for (std::filesystem::path at = group;; at = at.parent_path()) {
    const auto limit = control_group_limit(contents(root / at.relative_path() / file));
    if (limit) least = std::min(limit.value(), least.value_or(*limit));
    if (!at.has_relative_path()) return least;
  }
}

}  // namespace

std::optional<std::string> text_field(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && trimmed(line.substr(0, colon)) == name) {
      return std::string(trimmed(line.substr(colon + 1)));
    }
  }
  return std::nullopt;
}

std::optional<Bytes> kilobytes_field(std::string_view text, std::string_view name) {
  const auto field = text_field(text, name);
  const auto value = field ? leading_number(*field) : std::nullopt;
  if (!value) return std::nullopt;
  return *value * kibibyte;
}

std::optional<Bytes> control_group_limit(std::string_view text) { return leading_number(trimmed(text)); }

std::optional<std::string> control_group_path(std::string_view text, std::string_view controller) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    if (line.substr(first + 1, second - first - 1) == controller) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

std::string processor_name() { return text_field(contents("/proc/cpuinfo"), "model name").value_or("CPU"); }

std::optional<Bytes> usable_memory() {
  std::optional<Bytes> usable = kilobytes_field(contents("/proc/meminfo"), "MemTotal");
  const std::string groups = contents("/proc/self/cgroup");
  const auto lower = [&usable](std::optional<Bytes> limit) {
    if (limit) usable = std::min(*limit, usable.value_or(*limit));
  };
  if (const auto group = control_group_path(groups, "")) {
    lower(least_limit("/sys/fs/cgroup", *group, "memory.max"));
  }
  if (const auto group = control_group_path(groups, "memory")) {
    lower(least_limit("/sys/fs/cgroup/memory", *group, "memory.limit_in_bytes"));
  }
  return usable;
}

std::optional<Bytes> peak_resident_memory() {
  return kilobytes_field(contents("/proc/self/status"), "VmHWM");
}

}  // namespace batchfit
