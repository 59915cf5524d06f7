#include "kernels/nvrtc.h"

#include <dlfcn.h>
#include <fmt/core.h>

#include <cstddef>
#include <memory>

#include "base/find_function.h"
#include "python_packages.h"

namespace batchfit {
namespace {

constexpr const char* library_name = "libnvrtc.so.13";
constexpr const char* remedy = "install all that torch asks for (BATCHFIT_CUDA=ON scripts/setup)";

/// What is used of NVRTC's C interface (nvrtc.h of CUDA 13), declared here so that nothing is needed to
/// build.
struct Nvrtc {
  using Program = void*;
  int (*create_program)(Program*, const char* source, const char* name, int headers, const char* const*,
                        const char* const*) = nullptr;
  int (*destroy_program)(Program*) = nullptr;
  int (*compile_program)(Program, int options, const char* const*) = nullptr;
  int (*log_size)(Program, std::size_t*) = nullptr;
  int (*log)(Program, char*) = nullptr;
  int (*cubin_size)(Program, std::size_t*) = nullptr;
  int (*cubin)(Program, char*) = nullptr;
  const char* (*error_string)(int) = nullptr;
};

void* open_anywhere() {
  if (void* library = ::dlopen(library_name, RTLD_NOW | RTLD_LOCAL)) return library;
  const auto packages = folder_of_packages();
  if (!packages) return nullptr;
  return ::dlopen((*packages / "nvidia/cu13/lib" / library_name).c_str(), RTLD_NOW | RTLD_LOCAL);
}

Result<Nvrtc> open_library() {
  void* library = open_anywhere();
  if (library == nullptr) {
    return failure(ErrorKind::unavailable, fmt::format("NVRTC ({}) is not there", library_name), remedy);
  }
  Nvrtc nvrtc;
  const auto find = [&](const char* name, auto& function) { return find_function(library, name, function); };
  const bool complete =
      find("nvrtcCreateProgram", nvrtc.create_program) &&
      find("nvrtcDestroyProgram", nvrtc.destroy_program) &&
      find("nvrtcCompileProgram", nvrtc.compile_program) && find("nvrtcGetProgramLogSize", nvrtc.log_size) &&
      find("nvrtcGetProgramLog", nvrtc.log) && find("nvrtcGetCUBINSize", nvrtc.cubin_size) &&
      find("nvrtcGetCUBIN", nvrtc.cubin) && find("nvrtcGetErrorString", nvrtc.error_string);
  if (complete) return nvrtc;
  return failure(ErrorKind::unavailable, fmt::format("{} is of another version", library_name), remedy);
}

/// What one of NVRTC's pairs of functions gives: the size with the closing zero, then the bytes.
std::string read(Nvrtc::Program program, int (*size_of)(Nvrtc::Program, std::size_t*),
                 int (*read_into)(Nvrtc::Program, char*)) {
  std::size_t size = 0;
  if (size_of(program, &size) != 0) return {};
  std::string bytes(size, '\0');
  if (read_into(program, bytes.data()) != 0) return {};
  return bytes;
}

}  // namespace

Result<std::string> compile_cuda(const char* source, const std::string& architecture,
                                 std::vector<std::string> options) {
  static const Result<Nvrtc> opened = open_library();
  if (!opened) return failure(opened.error());
  const Nvrtc& nvrtc = *opened;
  options.push_back("--gpu-architecture=" + architecture);
  std::vector<const char*> arguments;
  for (const std::string& option : options) arguments.push_back(option.c_str());

  Nvrtc::Program program = nullptr;
  int result = nvrtc.create_program(&program, source, "batchfit.cu", 0, nullptr, nullptr);
  const auto destroy = [&](Nvrtc::Program* made) { nvrtc.destroy_program(made); };
  const std::unique_ptr<Nvrtc::Program, decltype(destroy)> owner(&program, destroy);
  if (result == 0)
    result = nvrtc.compile_program(program, static_cast<int>(arguments.size()), arguments.data());
  if (result == 0) return read(program, nvrtc.cubin_size, nvrtc.cubin);
  const std::string log = program == nullptr ? "" : read(program, nvrtc.log_size, nvrtc.log);
  return failure(ErrorKind::runtime, fmt::format("NVRTC cannot compile for {}: {} {}", architecture,
                                                 nvrtc.error_string(result), log.c_str()));
}

}  // namespace batchfit
