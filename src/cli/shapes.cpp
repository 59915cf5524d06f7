#include "cli/shapes.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

namespace batchfit {
namespace {

// A range is measured at the middles of this many equal parts: exact where a pass takes time linear in the
// size, and within 2 % of the mean where it takes time with the size's square (attention). Each costs a load.
constexpr std::int64_t range_points = 4;
// Each workload is a search, each size of a distribution a load: more are a slip of the keyboard.
constexpr std::size_t most_combinations = 256;

/// What one `--shape` says of its name.
struct NamedSize {
  std::string name;
  std::vector<std::int64_t> listed;  ///< a workload each; of a distribution its largest size alone
  std::vector<std::pair<std::int64_t, double>> distribution;  ///< sizes and weights; empty where it is none
  std::string told;                                           ///< of a distribution, as people read it
};

using Reading = Result<NamedSize>;

template <class T>
std::optional<T> number_in(std::string_view text) {
  T number{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::int64_t> size_in(std::string_view text) {
  const auto size = number_in<std::int64_t>(text);
  return size && *size >= 1 ? size : std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t next = text.find(at);
    parts.push_back(text.substr(0, next));
    if (next == std::string_view::npos) return parts;
    text.remove_prefix(next + 1);
  }
}

auto wrong(std::string why) {
  return failure(ErrorKind::usage, std::move(why),
                 "give a name and a size (length=512), a list (length=128,512), a range (length=128:2048) or "
                 "sizes with weights (length=128*6:2048*1)");
}

constexpr const char* no_size = "a size is not a whole number of 1 or more";

Reading read_list(NamedSize named, std::string_view value) {
  for (const std::string_view part : split(value, ',')) {
    const auto size = size_in(part);
    if (!size) return wrong(no_size);
    if (std::find(named.listed.begin(), named.listed.end(), *size) != named.listed.end())
      return wrong(fmt::format("{} is given twice", *size));
    named.listed.push_back(*size);
  }
  return named;
}

Reading read_range(NamedSize named, std::string_view value) {
  const auto ends = split(value, ':');
  if (ends.size() != 2) return wrong("a range has two ends; sizes between them need weights");
  const auto low = size_in(ends[0]);
  const auto high = size_in(ends[1]);
  if (!low || !high) return wrong(no_size);
  if (*low > *high) return wrong("the range ends before it begins");
  named.listed = {*high};
  if (*low == *high) return named;
  const std::int64_t sizes = *high - *low + 1;
  const std::int64_t points = std::min(sizes, range_points);
  for (std::int64_t i = 0; i < points; ++i) {
    const double middle =
        (static_cast<double>(i) + 0.5) / static_cast<double>(points) * static_cast<double>(sizes);
    named.distribution.emplace_back(*low + static_cast<std::int64_t>(middle), 1);
  }
  named.told = fmt::format("{} {} to {}", named.name, *low, *high);
  return named;
}

Reading read_weighted(NamedSize named, std::string_view value) {
  for (const std::string_view part : split(value, ':')) {
    const std::size_t star = part.find('*');
    if (star == std::string_view::npos) return wrong(fmt::format("'{}' has no weight", part));
    const auto size = size_in(part.substr(0, star));
    const auto weight = number_in<double>(part.substr(star + 1));
    if (!size) return wrong(no_size);
    if (!weight || !std::isfinite(*weight) || *weight <= 0)
      return wrong(fmt::format("the weight of {} is not a number above 0", *size));
    for (const auto& [other, unused] : named.distribution) {
      if (other == *size) return wrong(fmt::format("{} is given twice", *size));
    }
    named.distribution.emplace_back(*size, *weight);
    named.told += fmt::format("{}{}*{:g}", named.told.empty() ? named.name + " " : ", ", *size, *weight);
  }
  named.listed = {std::max_element(named.distribution.begin(), named.distribution.end())->first};
  if (named.distribution.size() == 1) named.distribution.clear();
  return named;
}

Reading read_value(NamedSize named, std::string_view value) {
  const bool is_list = value.find(',') != std::string_view::npos;
  const bool is_weighted = value.find('*') != std::string_view::npos;
  const bool is_range = value.find(':') != std::string_view::npos;
  if (is_list && (is_weighted || is_range))
    return wrong("a list (a workload each) and a distribution (one answer) cannot be mixed");
  if (is_weighted) return read_weighted(std::move(named), value);
  return is_range ? read_range(std::move(named), value) : read_list(std::move(named), value);
}

Reading read_shape(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos) return wrong("it is not name=value");
  return read_value({std::string(text.substr(0, equals)), {}, {}, {}}, text.substr(equals + 1));
}

/// Every workload so far with each of the name's sizes.
std::vector<InputSizes> with_each(const std::vector<InputSizes>& workloads, const NamedSize& named) {
  std::vector<InputSizes> all;
  for (const InputSizes& before : workloads) {
    for (const std::int64_t size : named.listed) {
      InputSizes workload = before;
      workload.sizes[named.name] = size;
      for (WeightedSizes& point : workload.distribution) point.sizes[named.name] = size;
      all.push_back(std::move(workload));
    }
  }
  return all;
}

/// The workload's distribution, with the name's own as an independent one.
void distribute_over(InputSizes& workload, const NamedSize& named) {
  if (workload.distribution.empty()) workload.distribution.push_back({workload.sizes, 1});
  std::vector<WeightedSizes> all;
  for (const WeightedSizes& before : workload.distribution) {
    for (const auto& [size, weight] : named.distribution) {
      WeightedSizes point = before;
      point.sizes[named.name] = size;
      point.weight *= weight;
      all.push_back(std::move(point));
    }
  }
  workload.distribution = std::move(all);
  workload.told += (workload.told.empty() ? "" : "; ") + named.told;
}

}  // namespace

Result<std::vector<InputSizes>> parse_shapes(const std::vector<std::string>& texts) {
  std::vector<InputSizes> workloads(1);
  for (const std::string& text : texts) {
    const auto failed = [&](Error error) {
      error.message = fmt::format("--shape {}: {}", text, error.message);
      return failure(std::move(error));
    };
    const Reading named = read_shape(text);
    if (!named) return failed(named.error());
    if (workloads.front().sizes.contains(named->name))
      return failed({ErrorKind::usage, named->name + " is given twice", "give each name once"});
    const std::size_t points = std::max<std::size_t>(1, workloads.front().distribution.size());
    if (workloads.size() * named->listed.size() * points *
            std::max<std::size_t>(1, named->distribution.size()) >
        most_combinations) {
      return failed({ErrorKind::usage, fmt::format("it makes more than {} combinations", most_combinations),
                     "give fewer sizes"});
    }
    workloads = with_each(workloads, *named);
    if (named->distribution.empty()) continue;
    for (InputSizes& workload : workloads) distribute_over(workload, *named);
  }
  return workloads;
}

}  // namespace batchfit
