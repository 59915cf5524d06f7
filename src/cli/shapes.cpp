#include "cli/shapes.h"

#include <fmt/core.h>

#include <charconv>
#include <optional>
#include <string_view>

namespace batchfit {
namespace {

std::optional<std::int64_t> size_in(std::string_view text) {
  std::int64_t size = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), size);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || size < 1) return std::nullopt;
  return size;
}

}  // namespace

Result<Shapes> parse_shapes(const std::vector<std::string>& texts) {
  Shapes shapes;
  for (const std::string& text : texts) {
    const auto wrong = [&](const std::string& why) {
      return failure(ErrorKind::usage, fmt::format("--shape {}: {}", text, why),
                     "give a name and a size or a range of sizes, as in length=512 or length=128:2048");
    };
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) return wrong("it is not name=value");
    const std::string name = text.substr(0, equals);
    const std::string_view value = std::string_view(text).substr(equals + 1);
    const std::size_t colon = value.find(':');
    const auto low = size_in(value.substr(0, colon));
    const auto high = colon == std::string_view::npos ? low : size_in(value.substr(colon + 1));
    if (!low || !high) return wrong("a size is not a whole number of 1 or more");
    if (*low > *high) return wrong("the range ends before it begins");
    if (!shapes.sizes.emplace(name, *high).second) return wrong(name + " is given twice");
    if (*low < *high) {
      shapes.notes.push_back(fmt::format(
          "{}: {} to {}, measured at {}: the largest input decides both limits", name, *low, *high, *high));
    }
  }
  return shapes;
}

}  // namespace batchfit
