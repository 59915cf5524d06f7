#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "judge/limits.h"
#include "search/objective.h"

namespace batchfit {

/// What every subcommand that may start a worker takes.
struct WorkerChoice {
  std::string device;    ///< empty: this machine's first NVIDIA GPU, else its CPU
  std::string timeout;   ///< of a probe; empty: as docs/protocol.md says
  std::string command;   ///< empty: the worker that came with batchfit
  bool verbose = false;  ///< passes the worker's stderr through
};

struct CacheOptions {
  std::string path = "reports/batch_optimizer_cache.json";
  bool off = false;
};

/// What is run, but for the model's name and the device.
struct WorkloadChoice {
  std::string weights;  ///< empty: those in data/models/ where there are any, else random
  std::int64_t seed = 0;
  std::string dtype;  ///< empty: the model's first
  std::string mode = "forward";
  std::vector<std::string> shapes;  ///< as parse_shapes reads them
  std::string prompts;              ///< file of a language model's; empty: random ids
  std::vector<std::string> inputs;  ///< "3x224x224", "128:int64": of a model that is a file
  bool tf32 = false;
  bool channels_last = false;
  std::optional<bool> fold_batchnorm;  ///< absent: as the model is used mostly
  bool include_copies = false;
  std::string timing = "auto";
  std::optional<std::int64_t> threads;
};

/// What reports say of costs.
struct CostOptions {
  std::optional<std::int64_t> items;  ///< absent: a million, or what the result file says
  std::optional<double> price;        ///< dollars an hour; absent: the list price, where there is one
};

/// Files that the user wants written; empty where not. "-" is stdout.
struct ExportPaths {
  std::string json;
  std::string csv;
  std::string markdown;
  std::string html;
  std::string plots;  ///< a folder

  std::vector<std::string> files() const;  ///< those that are named; not the plots
  bool any() const { return !files().empty() || !plots.empty(); }
  bool takes_stdout() const;
};

/// Which batch is the answer.
struct QuestionOptions {
  std::string memory_limit = "90%";
  std::string latency_limit = "2x";
  std::string percentile = "50";
  std::string objective = "largest";
  std::string balance;  ///< empty: the default weights
};

struct TuneOptions {
  std::vector<std::string> models;
  WorkerChoice worker;
  CacheOptions cache;
  WorkloadChoice workload;
  QuestionOptions question;
  std::optional<Batch> max_batch;
  std::string strategy = "guided";
  std::string time_budget;  ///< empty: none
  std::string confirm;      ///< empty: no confirmation
  bool explore = false;
  bool energy = false;
  CostOptions cost;
  std::vector<std::string> videos;  ///< the pipeline over them is tuned too
  double frames_per_second = 25;    ///< of a live stream
  bool strict = false;
  bool no_look_ahead = false;
  bool refresh = false;
  bool quiet = false;
  ExportPaths exports;
};

struct ReportCommandOptions {
  std::vector<std::string> files;
  std::string against;  ///< empty: no earlier run
  bool fail_on_regression = false;
  QuestionOptions question;  ///< that caches answer; a result file has its own
  CostOptions cost;
  ExportPaths exports;
};

struct ForecastCommandOptions {
  std::string model;
  WorkerChoice worker;
  CacheOptions cache;
  WorkloadChoice workload;
  std::string batches = "1-256*2";
  std::string memory_limit = "90%";
  bool refresh = false;
  bool quiet = false;
  std::string export_json;
};

struct RunOptions {
  std::string model;
  WorkerChoice worker;
  CacheOptions cache;
  WorkloadChoice workload;
  std::vector<std::string> videos;
  std::vector<std::string> outputs;  ///< as outputs_of takes them
  std::string json;
  std::string batch = "auto";
  double confidence = 0.25;
  double overlap = 0.7;
  std::optional<std::int64_t> max_frames;
  bool quiet = false;
  std::string export_json;
};

/// Made from the option definitions, for packages and shells.
CLI::App* add_completion(CLI::App& app, std::string& shell);
CLI::App* add_man(CLI::App& app);

/// Each adds its subcommand, bound to the options, and returns it.
CLI::App* add_tune(CLI::App& app, TuneOptions& options);
CLI::App* add_forecast(CLI::App& app, ForecastCommandOptions& options);
CLI::App* add_report(CLI::App& app, ReportCommandOptions& options);
CLI::App* add_run(CLI::App& app, RunOptions& options);
CLI::App* add_models(CLI::App& app, WorkerChoice& options);
CLI::App* add_devices(CLI::App& app, WorkerChoice& options);
CLI::App* add_cache(CLI::App& app, CacheOptions& options);

/// The two limits that the options name. usage error where one cannot be read.
Result<Limits> limits_of(const QuestionOptions& options);

/// The objective that the options name. usage error where it cannot be read.
Result<Objective> objective_of(const QuestionOptions& options);

/// "30s"; nullopt where the text is empty. usage error that names the option where it cannot be read or is
/// not above 0.
Result<std::optional<Seconds>> duration_of(const std::string& option, const std::string& text);

/// The error of a command line that CLI11 refused, with the nearest names of an unknown option or subcommand.
Error explain(const CLI::App& app, const CLI::ParseError& error);

}  // namespace batchfit
