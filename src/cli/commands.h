#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "cli/shapes.h"
#include "facts/cache.h"
#include "worker/cancellation.h"
#include "worker/remote_worker.h"

namespace batchfit {

// Each runs one subcommand, prints its result on stdout and errors on stderr, and returns the exit code.

/// `command_line` is kept with the results.
int run_tune(const TuneOptions& options, const std::vector<std::string>& command_line, Cancellation& cancel);
int run_forecast(const ForecastCommandOptions& options, const std::vector<std::string>& command_line,
                 Cancellation& cancel);
int run_report(const ReportCommandOptions& options);
int run_run(const RunOptions& options, const std::vector<std::string>& command_line, Cancellation& cancel);
int run_models(const WorkerChoice& options, Cancellation& cancel);
int run_devices(const WorkerChoice& options, Cancellation& cancel);
int run_cache(const CacheOptions& options, const std::string& action);

/// The worker that the options choose: the user's, or the one that came with batchfit for the device.
WorkerOptions worker_of(const WorkerChoice& choice, const std::string& device, const Cancellation& cancel);

/// What the options ask a worker to load; the model's name and the named sizes are left to fill in. usage
/// error for an input that cannot be read.
Result<LoadRequest> request_of(const WorkloadChoice& options, const std::string& device);

/// The weights of a model: those that the options name; else, for the worker that came with batchfit, what
/// data/models/ holds; else "random". usage error where that is not one.
Result<std::string> weights_of(const std::string& model, const WorkloadChoice& options,
                               const WorkerChoice& worker);

/// "resnet50 fp16 length 512", for progress.
std::string label_of(const std::string& model, const WorkloadChoice& options,
                     const std::map<std::string, std::int64_t>& sizes);

/// The cache that the options choose; its warnings go to stderr through `warn`.
Cache cache_of(const CacheOptions& options, Cache::Warn warn);

/// "batchfit: message; remedy" on stderr; returns the error's exit code.
int report_error(const Error& error);

}  // namespace batchfit
