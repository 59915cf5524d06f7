#include "runtime.h"

#include <ATen/Context.h>

#include <chrono>
#include <cstdlib>

namespace batchfit {

Runtime libtorch_runtime() {
  Runtime runtime;
  runtime.name = "libtorch";
  runtime.version = BATCHFIT_LIBTORCH_VERSION;
  runtime.details["worker"] = std::string(worker_name) + " " + BATCHFIT_VERSION;
  return runtime;
}

void add_environment_variable(Runtime& runtime, const char* name) {
  if (const char* value = std::getenv(name)) runtime.details[name] = value;
}

void apply_kernel_settings(bool tf32) {
  at::Context& context = at::globalContext();
  context.setAllowTF32CuBLAS(tf32);
  context.setAllowTF32CuDNN(tf32);
  // cuDNN's search for the fastest algorithm takes memory and time, and its choice changes from run to run.
  context.setBenchmarkCuDNN(false);
  // Which attention kernel runs is asserted (models/attention.h); cuDNN's is left out of the choice.
  context.setSDPUseCuDNN(false);
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace batchfit
