#include "cli/named_model.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

namespace batchfit {
namespace {

bool could_be_mode(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace

NamedModel parse_model(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::error_code error;
  if (colon == 0 || colon == std::string::npos || !could_be_mode(std::string_view(text).substr(colon + 1)) ||
      std::filesystem::exists(text, error))
    return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace batchfit
