#pragma once

#include "facts/workload.h"

namespace batchfit {

inline constexpr const char* worker_name = "batchfit-worker-torch";

/// libtorch and this worker, told without touching a device.
Runtime libtorch_runtime();

/// Adds a variable of the process's environment to the details, under its name, where it is set: what steers
/// a library may change an answer.
void add_environment_variable(Runtime& runtime, const char* name);

/// Settings of the whole process that decide which kernels run; TF32 is off unless allowed.
void apply_kernel_settings(bool tf32);

/// Seconds since the epoch.
double now();

}  // namespace batchfit
