#pragma once

#include <string>

#include "base/error.h"

namespace batchfit::video {

/// The ffmpeg program: what BATCHFIT_FFMPEG names, else the one on PATH, else that of PyPI's imageio-ffmpeg
/// in .venv or in python3's packages. unavailable error, with how to get one, where there is none.
Result<std::string> find_ffmpeg();

}  // namespace batchfit::video
