#pragma once

#include <filesystem>
#include <optional>

namespace batchfit {

/// The folder of Python packages that torch lies in, by where its library was loaded from: what torch asks
/// for lies beside it.
std::optional<std::filesystem::path> folder_of_packages();

}  // namespace batchfit
