#include "video/ffmpeg.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "video/child.h"

namespace batchfit::video {
namespace {

constexpr const char* variable = "BATCHFIT_FFMPEG";
constexpr const char* remedy =
    "install Debian's package ffmpeg, or PyPI's imageio-ffmpeg, or name the program in BATCHFIT_FFMPEG";

bool is_program(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

std::string on_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string program = std::filesystem::path(folder) / name;
    if (!folder.empty() && is_program(program)) return program;
  }
  return {};
}

/// What the package brings; empty where this Python has no such package.
std::string of_python(const std::string& python) {
  std::string said =
      output_of({python, "-c", "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"});
  said.erase(std::min(said.find('\n'), said.size()));
  return is_program(said) ? said : std::string();
}

}  // namespace

Result<std::string> find_ffmpeg() {
  if (const char* named = std::getenv(variable)) {
    const std::string found = is_program(named) ? named : on_path(named);
    if (!found.empty()) return found;
    return failure(ErrorKind::unavailable, std::string(variable) + " names no program: " + named, remedy);
  }
  if (std::string found = on_path("ffmpeg"); !found.empty()) return found;
  for (const char* python : {".venv/bin/python", "python3"}) {
    if (std::string found = of_python(python); !found.empty()) return found;
  }
  return failure(ErrorKind::unavailable, "there is no ffmpeg, which decodes and encodes video", remedy);
}

std::string input_name(const std::string& path) { return file_exists(path) ? "file:" + path : path; }

}  // namespace batchfit::video
