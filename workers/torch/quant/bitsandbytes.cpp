#include "quant/bitsandbytes.h"

#include <dlfcn.h>
#include <fmt/core.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "base/find_function.h"
#include "python_packages.h"

namespace batchfit {
namespace {

namespace fs = std::filesystem;

constexpr const char* file_name = "libbitsandbytes_cuda130.so";
constexpr const char* variable = "BATCHFIT_BITSANDBYTES";
constexpr const char* remedy =
    "pip install bitsandbytes==0.50.2 --no-deps beside torch, or name its library in BATCHFIT_BITSANDBYTES";

std::vector<fs::path> candidates() {
  if (const char* named = std::getenv(variable); named != nullptr && *named != '\0') {
    const fs::path path = named;
    std::error_code error;
    return {fs::is_directory(path, error) ? path / file_name : path};
  }
  std::vector<fs::path> paths;
  const auto add = [&](const fs::path& packages) { paths.push_back(packages / "bitsandbytes" / file_name); };
  if (const auto packages = folder_of_packages()) add(*packages);
  if (const char* python_path = std::getenv("PYTHONPATH")) {
    std::istringstream folders(python_path);
    for (std::string folder; std::getline(folders, folder, ':');) add(folder.empty() ? "." : folder);
  }
  return paths;
}

Result<Bitsandbytes> open_library() {
  for (const fs::path& path : candidates()) {
    std::error_code error;
    if (!fs::exists(path, error)) continue;
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return failure(ErrorKind::unavailable, ::dlerror(), remedy);
    Bitsandbytes functions;
    const auto find = [&](const std::string& name, auto& function) {
      return find_function(library, name.c_str(), function);
    };
    bool complete = find("cdequantize_blockwise_fp32", functions.dequantise_8bit);
    const std::array<const char*, 3> dtypes{"bf16", "fp16", "fp32"};
    for (std::size_t i = 0; i < dtypes.size(); ++i) {
      complete = complete &&
                 find(fmt::format("cdequantize_blockwise_{}_nf4", dtypes[i]), functions.dequantise_nf4[i]) &&
                 find(fmt::format("cdequantize_blockwise_{}_fp4", dtypes[i]), functions.dequantise_fp4[i]) &&
                 find(fmt::format("cgemm_4bit_{}", dtypes[i]), functions.multiply[i]);
    }
    if (complete) return functions;
    return failure(ErrorKind::unavailable, path.string() + " is of another version of bitsandbytes", remedy);
  }
  return failure(ErrorKind::unavailable, fmt::format("bitsandbytes' library {} is not there", file_name),
                 remedy);
}

}  // namespace

const Result<Bitsandbytes>& Bitsandbytes::library() {
  static const Result<Bitsandbytes> opened = open_library();
  return opened;
}

}  // namespace batchfit
