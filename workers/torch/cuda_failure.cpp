#include "cuda_failure.h"

#include <c10/util/Exception.h>
#include <cuda_runtime_api.h>

#include <exception>
#include <new>

namespace batchfit {

std::optional<CudaFailure> attempt(const std::function<void()>& step,
                                   const std::function<std::int64_t()>& ooms) {
  const std::int64_t ooms_before = ooms();
  try {
    step();
    return std::nullopt;
  } catch (const c10::OutOfMemoryError&) {
    return CudaFailure{true, "the caching allocator could not get the memory"};
  } catch (const c10::AcceleratorError& error) {
    // A kernel or a graph that could not be loaded for want of memory.
    const bool memory = error.get_error_code() == static_cast<int>(cudaErrorMemoryAllocation);
    return CudaFailure{memory, memory ? "the device had no memory left" : error.what_without_backtrace()};
  } catch (const std::bad_alloc&) {
    return CudaFailure{false, "the host had no memory left"};
  } catch (const c10::Error& error) {
    return CudaFailure{ooms() > ooms_before, error.what_without_backtrace()};
  } catch (const std::exception& error) {
    return CudaFailure{ooms() > ooms_before, error.what()};
  }
}

}  // namespace batchfit
