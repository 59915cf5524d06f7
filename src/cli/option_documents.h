#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/error.h"

namespace batchfit {

// Made from the option definitions, so that they say what --help says.

/// The manual page (man-pages(7), section 1), in roff.
std::string man_page(const CLI::App& app, const std::string& version);

/// A completion script for "bash", "zsh" or "fish"; usage error for another shell.
Result<std::string> completion_script(const CLI::App& app, const std::string& shell);

}  // namespace batchfit
