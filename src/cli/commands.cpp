#include "cli/commands.h"

#include <fmt/core.h>

#include <cstdio>
#include <filesystem>

#include "cli/exit_code.h"
#include "cli/weights.h"
#include "facts/summary.h"
#include "report/distribution.h"
#include "tune/local_device.h"

namespace batchfit {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view sim_prefix = "sim:";

/// A program that came with batchfit: beside it (a build folder, or bin/), or in libexec/ where it is
/// installed.
std::string companion(const std::string& name) {
  std::error_code error;
  const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
  const fs::path installed = here.parent_path() / "libexec" / "batchfit" / name;
  return (fs::exists(installed) ? installed : here / name).string();
}

std::string default_command(const std::string& device) {
  if (device.starts_with(sim_prefix)) {
    return shell_quoted(companion("batchfit-worker-sim")) + " " +
           shell_quoted(device.substr(sim_prefix.size()));
  }
  return shell_quoted(companion("batchfit-worker-torch"));
}

std::string join(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

}  // namespace

int report_error(const Error& error) {
  std::fputs(("batchfit: " + error.text() + "\n").c_str(), stderr);
  return exit_code_of(error);
}

WorkerOptions worker_of(const WorkerChoice& choice, const std::string& device, const Cancellation& cancel) {
  WorkerOptions options;
  options.command = choice.command.empty() ? default_command(device) : choice.command;
  options.show_stderr = choice.verbose;
  options.cancel = &cancel;
  if (const auto timeout = parse_seconds(choice.timeout)) options.patience.probe = *timeout;
  return options;
}

std::string label_of(const std::string& model, const WorkloadChoice& options,
                     const std::map<std::string, std::int64_t>& sizes) {
  std::string label = options.dtype.empty() ? model : model + " " + options.dtype;
  return sizes.empty() ? label : label + " " + sizes_text(sizes);
}

Result<std::string> weights_of(const std::string& model, const WorkloadChoice& options,
                               const WorkerChoice& worker) {
  if (!options.weights.empty()) return options.weights;
  if (!worker.command.empty() || worker.device.starts_with(sim_prefix)) return std::string("random");
  return find_weights("data/models", model);
}

Result<LoadRequest> request_of(const WorkloadChoice& options, const std::string& device) {
  LoadRequest request;
  request.device = device;
  request.mode = options.mode;
  for (const std::string& text : options.inputs) {
    auto input = parse_model_input(text);
    if (!input) return failure(input.error());
    request.inputs.push_back(std::move(*input));
  }
  request.prompts = options.prompts;
  request.seed = options.seed;
  request.dtype = options.dtype;
  request.tf32 = options.tf32;
  request.channels_last = options.channels_last;
  request.fold_batchnorm = options.fold_batchnorm;
  request.include_copies = options.include_copies;
  request.timing = options.timing;
  request.threads = options.threads;
  return request;
}

Cache cache_of(const CacheOptions& options, Cache::Warn warn) {
  return {options.off ? std::nullopt : std::optional<fs::path>(options.path), std::move(warn)};
}

int run_models(const WorkerChoice& options, Cancellation& cancel) {
  RemoteWorker worker(worker_of(options, options.device, cancel));
  const auto hello = worker.hello();
  if (!hello) return report_error(hello.error());
  for (const ModelInfo& model : hello->models) {
    fmt::print("{:<20} {:<18} {:<18} {}\n", model.name, join(model.dtypes), join(model.modes), model.about);
  }
  worker.quit();
  return exit_found;
}

int run_devices(const WorkerChoice& options, Cancellation& cancel) {
  RemoteWorker worker(worker_of(options, options.device, cancel));
  const auto devices = worker.devices();
  if (!devices) return report_error(devices.error());
  for (const DeviceInfo& info : *devices) {
    fmt::print("{:<8} {}, {}", info.id, info.device.name, format_bytes(info.device.total_memory));
    if (info.device.mig) fmt::print(", MIG {}", *info.device.mig);
    if (info.device.power_limit_w) fmt::print(", {:g} W", *info.device.power_limit_w);
    if (info.device.driver) fmt::print(", driver {}", *info.device.driver);
    fmt::print("\n");
  }
  worker.quit();
  return exit_found;
}

int run_cache(const CacheOptions& options, const std::string& action) {
  Cache cache = cache_of(options, [](const std::string& warning) {
    report_error({ErrorKind::runtime, warning, ""});
  });
  if (action == "clear") {
    const auto cleared = cache.clear();
    return cleared ? exit_found : report_error(cleared.error());
  }
  const Json summary = cache.summary();
  if (action == "show") {
    fmt::print("{}", print_summary(summary));
    return exit_found;
  }
  for (const Json& device : summary["devices"]) {
    for (const Json& entry : device["workloads"]) {
      const auto workload = workload_from_json(entry.value("workload", Json()));
      if (!workload) continue;
      fmt::print("{:<20} {:<5} {:<6} {:>4} batches  {}\n", workload->model, workload->dtype,
                 name_of(workload->timing), entry.value("batches", Json::array()).size(),
                 device["device"].value("name", ""));
    }
  }
  return exit_found;
}

}  // namespace batchfit
