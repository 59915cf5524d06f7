// parity REFERENCE.json: runs the models of a reference file and compares their outputs with it. Of a
// tokenizer's folder it compares the ids of texts.
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>

#include "engine.h"
#include "handler.h"
#include "loaded_model.h"
#include "reference.h"
#include "runtime.h"
#include "text/text_reference.h"

namespace batchfit {
namespace {

// Exit codes; those of the batchfit program where it has the same case.
constexpr int exit_pass = 0, exit_beyond_tolerance = 1, exit_usage = 2, exit_unavailable = 5;

struct Options {
  std::string reference;
  std::string model;
  std::string weights;
  std::string device = "cpu";
  std::string dtype = "fp32";
  bool fold_batchnorm = false;
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

/// Prints a line for each output and says whether all are within the tolerance.
Result<bool> check(const Reference& reference, at::Device device, const Options& options) {
  const auto deviations = deviations_of(reference, device, options.fold_batchnorm);
  if (!deviations) return failure(deviations.error());
  bool all_within = true;
  for (const auto& [name, deviation] : *deviations) {
    const bool within = deviation.ratio() <= options.tolerance;
    fmt::print(
        "{:<26} {:<8} largest error {:.3g}, spread {:.3g}, ratio {:.3g} (tolerance {:.3g}), argmax {} of {}: "
        "{}\n",
        reference.label, name, deviation.largest_error, deviation.spread, deviation.ratio(),
        options.tolerance, deviation.same_argmax, deviation.rows, within ? "within" : "BEYOND");
    all_within = all_within && within;
  }
  return all_within;
}

Result<std::vector<Reference>> references_of(const Options& options) {
  auto references = read_references(options.reference, options.weights);
  if (!references) return references;
  const auto is_other = [&](const Reference& reference) {
    return (!options.model.empty() && reference.model != options.model) ||
           dtype_name(reference.dtype) != options.dtype;
  };
  references->erase(std::remove_if(references->begin(), references->end(), is_other), references->end());
  if (references->empty()) {
    return failure(
        ErrorKind::usage,
        fmt::format("{} holds nothing {}in {}", options.reference,
                    options.model.empty() ? "" : "of the model '" + options.model + "' ", options.dtype));
  }
  const bool several = references->front().model != references->back().model;
  if (several && !options.weights.empty()) {
    return failure(ErrorKind::usage, "--weights: the reference is of several models",
                   "name one with --model");
  }
  return references;
}

/// Prints a line on the texts of a tokenizer's folder, and one for each that differs.
int run_texts(const std::string& folder) {
  const auto agreement = text::compare_with_reference(folder);
  if (!agreement) return complain(agreement.error());
  fmt::print("{:<26} {:<8} {} of {} texts agree\n", "tokenizer", "ids", agreement->agreeing(),
             agreement->texts);
  for (const std::string& difference : agreement->differences) fmt::print("  {}\n", difference);
  return agreement->differences.empty() ? exit_pass : exit_beyond_tolerance;
}

int run(const Options& options) {
  if (text::is_text_reference(options.reference)) return run_texts(options.reference);
  const auto device = device_of(options.device);
  if (!device) return complain(device.error());
  const auto references = references_of(options);
  if (!references) return complain(references.error());
  apply_kernel_settings(/*tf32=*/false);
  bool all_within = true;
  for (const Reference& reference : *references) {
    const auto within = check(reference, *device, options);
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
  app.add_option(
         "REFERENCE", options.reference,
         "file laid out as those of tests/data, or the folder of a language model or a tokenizer with one")
      ->required();
  app.add_option("--model", options.model, "of the reference's models only this one");
  app.add_option("--weights", options.weights, "file of weights (default: those that the reference names)");
  app.add_flag("--fold-batchnorm", options.fold_batchnorm, "fold BatchNorm into the convolutions");
  app.add_option("--device", options.device, "cpu or cuda:N")->capture_default_str();
  app.add_option("--dtype", options.dtype, "of the references those in fp32 or bf16")->capture_default_str();
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
