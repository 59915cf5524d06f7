#pragma once

#include <string>

#include "base/error.h"

namespace batchfit::video {

/// The ffmpeg program: what BATCHFIT_FFMPEG names, else the one on PATH, else that of PyPI's imageio-ffmpeg
/// in .venv or in python3's packages. unavailable error, with how to get one, where there is none.
Result<std::string> find_ffmpeg();

/// What ffmpeg is to call an input: nothing in the name of a file that is there is taken for a protocol.
std::string input_name(const std::string& path);

}  // namespace batchfit::video
