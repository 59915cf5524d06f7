// parity REFERENCE.json: runs the models of a reference file and compares their outputs with it.
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <string>

#include "engine.h"
#include "handler.h"
#include "reference.h"
#include "runtime.h"

namespace batchfit {
namespace {

// Exit codes; those of the batchfit program where it has the same case.
constexpr int exit_pass = 0, exit_beyond_tolerance = 1, exit_usage = 2, exit_unavailable = 5;

struct Options {
  std::string reference;
  std::string weights;
  std::string device = "cpu";
  double tolerance = 1e-4;
};

int complain(const Error& error) {
  fmt::print(stderr, "parity: {}\n", error.text());
  return error.kind == ErrorKind::unavailable ? exit_unavailable : exit_usage;
}

Result<at::Device> device_of(const std::string& name) {
  if (name == "cpu") return at::Device(at::kCPU);
  const auto index = cuda_index(name);
  if (!index)
    return failure(ErrorKind::usage, "--device: there is no device '" + name + "'", "name cpu or cuda:0");
  const auto devices = cuda_devices();
  if (!devices) return failure(devices.error());
  if (static_cast<std::size_t>(*index) >= devices->size()) {
    return failure(ErrorKind::unavailable, "--device: there is no " + name);
  }
  return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(*index));
}

/// Prints one line and says whether the model is within the tolerance.
Result<bool> check(const Reference& reference, at::Device device, double tolerance) {
  const auto deviation = deviation_of(reference, device);
  if (!deviation) return failure(deviation.error());
  const bool within = deviation->ratio() <= tolerance;
  fmt::print(
      "{:<10} largest error {:.3g}, spread {:.3g}, ratio {:.3g} (tolerance {:.3g}), argmax {} of {}: {}\n",
      reference.model, deviation->largest_error, deviation->spread, deviation->ratio(), tolerance,
      deviation->same_argmax, deviation->rows, within ? "within" : "BEYOND");
  return within;
}

int run(const Options& options) {
  if (!options.weights.empty()) {
    return complain(
        {ErrorKind::usage, "--weights: this reference's weights come from its own rule", "leave it out"});
  }
  const auto device = device_of(options.device);
  if (!device) return complain(device.error());
  const auto references = read_references(options.reference);
  if (!references) return complain(references.error());
  apply_kernel_settings(/*tf32=*/false);
  bool all_within = true;
  for (const Reference& reference : *references) {
    const auto within = check(reference, *device, options.tolerance);
    if (!within) return complain(within.error());
    all_within = all_within && *within;
  }
  return all_within ? exit_pass : exit_beyond_tolerance;
}

}  // namespace
}  // namespace batchfit

int main(int argc, char** argv) {
  CLI::App app("Runs the models of a reference file and compares their outputs with it.", "parity");
  batchfit::Options options;
  app.add_option("REFERENCE", options.reference, "file laid out as tests/data/torchvision-logits.json")
      ->required();
  app.add_option("--weights", options.weights, "file or folder of weights, for references that name none");
  app.add_option("--device", options.device, "cpu or cuda:N")->capture_default_str();
  app.add_option("--tolerance", options.tolerance, "largest error allowed, as a share of the outputs' spread")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? batchfit::exit_pass : batchfit::exit_usage;
  }
  const c10::InferenceMode no_gradients;
  try {
    return batchfit::run(options);
  } catch (const c10::Error& error) {
    fmt::print(stderr, "parity: {}\n", error.what_without_backtrace());
    return batchfit::exit_beyond_tolerance;
  }
}
