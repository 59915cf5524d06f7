#include "python_packages.h"

#include <dlfcn.h>

#include <system_error>

namespace batchfit {

std::optional<std::filesystem::path> folder_of_packages() {
  void* symbol = ::dlsym(RTLD_DEFAULT, "aoti_torch_device_type_cpu");  // any of libtorch's C functions
  Dl_info info{};
  if (symbol == nullptr || ::dladdr(symbol, &info) == 0 || info.dli_fname == nullptr) return std::nullopt;
  std::error_code error;
  const auto library =
      std::filesystem::canonical(info.dli_fname, error);  // PACKAGES/torch/lib/libtorch_cpu.so
  if (error) return std::nullopt;
  return library.parent_path().parent_path().parent_path();
}

}  // namespace batchfit
