#include "runtime.h"

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

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace batchfit
