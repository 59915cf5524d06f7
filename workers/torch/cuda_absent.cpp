// Stands in for the CUDA files where the torch wheel has no CUDA, or not all of its libraries.
#include "engine.h"
#include "kernels/epilogue.h"
#include "quant/four_bit.h"
#include "tensor_reader.h"

namespace batchfit {
namespace {
const Error no_cuda{ErrorKind::unavailable, "this build of the libtorch worker has no CUDA",
                    "build with the full torch install (BATCHFIT_CUDA=ON scripts/setup), or use the CPU"};
}

Result<std::vector<Device>> cuda_devices() { return failure(no_cuda); }

Answer<std::unique_ptr<Engine>> load_on_cuda(const LoadRequest&, int) { return refuse(no_cuda); }

// No device is a CUDA one in this build, so that these are never called.
std::unique_ptr<FourBitProducts> cuda_products() { return portable_products(); }
bool dequantise_by_library(const at::Tensor&, const at::Tensor&, std::int64_t, FourBitCode,
                           const at::Tensor&) {
  return false;
}
Result<std::shared_ptr<const Epilogue>> cuda_epilogue(at::Device, at::ScalarType) { return failure(no_cuda); }
bool widen_by_library(const NestedAbsmax&, const at::Tensor&) { return false; }
TensorReader::Copy cuda_copy(at::Device, int, std::int64_t) { return {}; }

}  // namespace batchfit
