#include "cli/options.h"

#include <algorithm>

#include "base/text.h"
#include "search/strategy.h"

namespace batchfit {
namespace {

constexpr const char* no_mode = "forward";  ///< what a workload's mode is where none is given

/// The named size that `--kv` stands for: "kv_bits=16,8".
std::string kv_bits(const std::vector<std::string>& names) {
  std::string text = "kv_bits=";
  for (const std::string& name : names) {
    if (text.back() != '=') text += ',';
    text += name == "nf4" ? "4" : name == "int8" ? "8" : "16";
  }
  return text;
}

void add_worker_options(CLI::App& command, WorkerChoice& options) {
  command.add_option("--device", options.device,
                     "cuda:N, cpu or sim:FILE (default: the first NVIDIA GPU, else the CPU)");
  command.add_option("--worker", options.command, "command line of another worker (docs/protocol.md)")
      ->envname("BATCHFIT_WORKER");
  command.add_option("--worker-timeout", options.timeout, "give a probe up after this long (default: 5min)")
      ->check([](const std::string& text) {
        const auto seconds = parse_seconds(text);
        return seconds ? "" : seconds.error().text();
      });
}

void add_cache_options(CLI::App& command, CacheOptions& options) {
  command.add_option("--cache", options.path, "file that remembers what was measured")
      ->envname("BATCHFIT_CACHE")
      ->capture_default_str();
}

/// Of the commands that measure.
void add_measuring_options(CLI::App& command, CacheOptions& cache, bool& refresh) {
  add_cache_options(command, cache);
  command.add_flag("--no-cache", cache.off, "neither read nor write the cache");
  command.add_flag("--refresh", refresh, "measure again what the cache knows");
}

/// Names for the named sizes of language models. Like --image-size they come after --shape, and after --mode,
/// which is what they need where it is not given.
void add_language_options(CLI::App& command, WorkloadChoice& options) {
  const auto add = [&](const char* option, const char* size, const char* mode, const char* about) {
    command.add_option_function<std::string>(
        option,
        [&options, size, mode](const std::string& text) {
          options.shapes.push_back(std::string(size) + "=" + text);
          if (options.mode == no_mode) options.mode = mode;
        },
        about);
  };
  add("--prompt", "length", no_mode,
      "tokens of a language model's prompt (512): a size, a list or a range, as --shape has them");
  command.add_option("--prompts", options.prompts,
                     "file of prompts of a language model, one a line; its tokenizer.json makes ids of them, "
                     "padded to the longest or to --prompt (default: random ids)");
  add("--context", "length", "decode",
      "tokens that stand before the one that is made (512), likewise; --mode decode");
  add("--new", "new", "generate", "tokens to make after the prompt (128), likewise; --mode generate");
  command
      .add_option_function<std::vector<std::string>>(
          "--kv",
          [&options](const std::vector<std::string>& names) { options.shapes.push_back(kv_bits(names)); },
          "how keys and values are kept: bf16 (the model's dtype), int8, nf4, or a list of them")
      ->delimiter(',')
      ->check(CLI::IsMember({"bf16", "int8", "nf4"}));
}

void add_workload_options(CLI::App& command, WorkloadChoice& options) {
  command.add_option("--weights", options.weights,
                     "file or folder of weights, or 'random' (default: data/models/MODEL.pth, .pt or "
                     ".safetensors, or the folder data/models/MODEL, where there is one, else random)");
  command.add_option("--seed", options.seed, "of random weights")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command.add_option("--dtype", options.dtype, "fp32, fp16, bf16, … (default: the model's first)");
  command.add_option("--mode", options.mode,
                     "forward, prefill, decode, generate, …, as the model has them (default: its first)");
  command
      .add_option("--shape", options.shapes,
                  "a named size of the input: NAME=SIZE; NAME=A,B a workload each; NAME=LOW:HIGH or "
                  "NAME=A*WEIGHT:B*WEIGHT one answer for all of them (repeatable)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  // Its callback runs after that of --shape, which replaces the whole list.
  command
      .add_option_function<std::int64_t>(
          "--image-size",
          [&options](std::int64_t size) { options.shapes.push_back("image_size=" + std::to_string(size)); },
          "pixels of the images' sides, of models that take several (YOLO: 640)")
      ->check(CLI::PositiveNumber);
  add_language_options(command, options);
  command
      .add_option("--input", options.inputs,
                  "shape of one item of a file's input, without the batch: 3x224x224, 128:int64 (repeatable)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_flag("--tf32", options.tf32, "allow TF32 in fp32 products");
  command.add_flag("--channels-last", options.channels_last, "NHWC memory format");
  command.add_flag_function(
      "--fold-batchnorm,!--no-fold-batchnorm",
      [&options](std::int64_t count) { options.fold_batchnorm = count > 0; },
      "fold BatchNorm into the convolutions (YOLO models: the default)");
  command.add_flag("--include-copies", options.include_copies,
                   "time the copy of the inputs to the device too");
  command
      .add_option("--timing", options.timing, "graph, eager or auto (graph where the model can be captured)")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "graph", "eager"}));
  command.add_option("--threads", options.threads, "CPU threads")->check(CLI::PositiveNumber);
}

void add_memory_limit(CLI::App& command, std::string& limit) {
  command
      .add_option("--memory-limit", limit, "share of the device's memory in use, or own memory: 90%, 8GiB")
      ->capture_default_str();
}

void add_cost_options(CLI::App& command, CostOptions& options) {
  command
      .add_option("--items", options.items, "say what it takes to process this many items (default: 1000000)")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--price", options.price,
                  "dollars an hour of the device (default: the GPU's list price, where one is known)")
      ->check(CLI::NonNegativeNumber);
}

void add_export_options(CLI::App& command, ExportPaths& paths) {
  command.add_option("--export-json", paths.json, "write the results as JSON ('-': stdout; docs/results.md)");
  command.add_option("--export-csv", paths.csv, "… as CSV");
  command.add_option("--export-markdown", paths.markdown, "… as Markdown");
  command.add_option("--export-html", paths.html, "… as one HTML page with charts, that needs nothing else");
  command.add_option("--plots", paths.plots, "draw every plot into this folder, as SVG and PNG (by gnuplot)");
}

void add_question_options(CLI::App& command, QuestionOptions& options) {
  add_memory_limit(command, options.memory_limit);
  command.add_option("--latency-limit", options.latency_limit, "2x (of batch 1), 50ms or none")
      ->capture_default_str();
  command
      .add_option("--percentile", options.percentile,
                  "of the latency, held against the limit: 50 (the median), 95, 99, …")
      ->capture_default_str();
  command
      .add_option("--objective", options.objective,
                  "which of the batches that pass: " + join_words(goal_names()) + " (docs/objectives.md)")
      ->capture_default_str();
  command.add_option("--balance", options.balance,
                     "weights of the objective 'balanced': throughput=2,latency=1,memory=1,energy=0");
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> subcommand_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

}  // namespace

CLI::App* add_tune(CLI::App& app, TuneOptions& options) {
  CLI::App* tune = app.add_subcommand("tune", "find the batch size that each model should run at");
  tune->add_option(
          "models", options.models,
          "names of models (see 'batchfit models'), or files: TorchScript (.ts, .pt), AOTInductor (.pt2); "
          "NAME:MODE for a mode other than --mode's")
      ->required();
  add_worker_options(*tune, options.worker);
  add_workload_options(*tune, options.workload);
  add_question_options(*tune, options.question);
  tune->add_flag("--strict", options.strict, "make the memory limit the worker's hard cap too");
  tune->add_option("--max-batch", options.max_batch, "try no larger batch")->check(CLI::PositiveNumber);
  tune->add_option("--strategy", options.strategy, join_words(strategy_names()))->capture_default_str();
  tune->add_flag("--no-look-ahead", options.no_look_ahead,
                 "guided: do not look for larger batches that a dip of the curve might bring back");
  tune->add_flag("--explore", options.explore,
                 "measure what an objective chooses from, also where the cache could answer");
  tune->add_flag("--energy", options.energy, "measure the joules of an item too (about 1 s a batch)");
  add_cost_options(*tune, options.cost);
  tune->add_option("--time-budget", options.time_budget,
                   "end each model's search after this long with the best batch so far: 30s");
  tune->add_option("--confirm", options.confirm,
                   "run the answer for this long, and say whether it held: 60s");
  tune->add_option("--video", options.videos,
                   "of a pose model: tune the pipeline over these files too (docs/video.md)");
  tune->add_option("--fps", options.frames_per_second, "frames a second of a live stream, with --video")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  add_measuring_options(*tune, options.cache, options.refresh);
  add_export_options(*tune, options.exports);
  auto* quiet = tune->add_flag("-q,--quiet", options.quiet, "no progress");
  tune->add_flag("-v,--verbose", options.worker.verbose, "show what the worker prints")->excludes(quiet);
  return tune;
}

CLI::App* add_forecast(CLI::App& app, ForecastCommandOptions& options) {
  CLI::App* command =
      app.add_subcommand("forecast", "predict the memory of batches, then measure it, side by side");
  command->add_option("model", options.model, "name of a model (see 'batchfit models')")->required();
  add_worker_options(*command, options.worker);
  add_workload_options(*command, options.workload);
  command->add_option("--batches", options.batches, "1-256*2 (doubling), 1-8 or 1,8,64")
      ->capture_default_str();
  add_memory_limit(*command, options.memory_limit);
  add_measuring_options(*command, options.cache, options.refresh);
  command->add_option("--export-json", options.export_json,
                      "write the results as JSON ('-': stdout; docs/results.md)");
  auto* quiet = command->add_flag("-q,--quiet", options.quiet, "no progress");
  command->add_flag("-v,--verbose", options.worker.verbose, "show what the worker prints")->excludes(quiet);
  return command;
}

CLI::App* add_report(CLI::App& app, ReportCommandOptions& options) {
  CLI::App* report = app.add_subcommand("report", "make reports from result files, compare them");
  report->add_option("files", options.files, "what 'tune --export-json' wrote; several are compared")
      ->required();
  auto* against =
      report->add_option("--against", options.against, "an earlier result file: say what changed");
  report
      ->add_flag("--fail-on-regression", options.fail_on_regression,
                 "exit with 6 where something is worse than in the earlier file, beyond the noise")
      ->needs(against);
  add_cost_options(*report, options.cost);
  add_question_options(*report, options.question);
  report->footer("Limits and objective are for caches; a result file has its own.");
  add_export_options(*report, options.exports);
  return report;
}

CLI::App* add_run(CLI::App& app, RunOptions& options) {
  CLI::App* command =
      app.add_subcommand("run", "find the poses in videos, in the batches that suit the device");
  command->add_option("model", options.model, "name of a pose model: yolo11n-pose (see 'batchfit models')")
      ->required();
  command->add_option("--video", options.videos, "files to read; several share batches")->required();
  command->add_option("--out", options.outputs,
                      "write them with the poses drawn: a file for each, or a folder for all");
  command->add_option("--json", options.json, "write the poses, a line a frame (docs/video.md)")
      ->check(
          [](const std::string& path) { return path == "-" ? "name a file: stdout has the summary" : ""; });
  command
      ->add_option("--batch", options.batch,
                   "frames a pass, or auto: the cache's, tuned first where it has none")
      ->capture_default_str()
      ->check([](const std::string& text) { return text == "auto" ? "" : CLI::PositiveNumber(text); });
  command->add_option("--confidence", options.confidence, "leave out what scores no more than this")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--overlap", options.overlap, "of two poses whose boxes overlap more, keep the better")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--max-frames", options.max_frames, "stop after so many frames of each file")
      ->check(CLI::PositiveNumber);
  add_worker_options(*command, options.worker);
  add_workload_options(*command, options.workload);
  add_cache_options(*command, options.cache);
  command->add_flag("--no-cache", options.cache.off, "neither read nor write the cache");
  command->add_option("--export-json", options.export_json,
                      "write what the run took as JSON ('-': stdout; docs/video.md)");
  auto* quiet = command->add_flag("-q,--quiet", options.quiet, "no progress");
  command->add_flag("-v,--verbose", options.worker.verbose, "show what the worker prints")->excludes(quiet);
  return command;
}

CLI::App* add_models(CLI::App& app, WorkerChoice& options) {
  CLI::App* models = app.add_subcommand("models", "list the models that a worker has");
  add_worker_options(*models, options);
  return models;
}

CLI::App* add_devices(CLI::App& app, WorkerChoice& options) {
  CLI::App* devices = app.add_subcommand("devices", "list the devices that a worker can use");
  add_worker_options(*devices, options);
  return devices;
}

CLI::App* add_cache(CLI::App& app, CacheOptions& options) {
  CLI::App* cache = app.add_subcommand("cache", "look at what was measured, or forget it");
  add_cache_options(*cache, options);
  cache->require_subcommand(1);
  for (const auto& [name, about] :
       {std::pair{"list", "a line a workload"}, std::pair{"show", "the summary, as JSON"},
        std::pair{"clear", "forget everything"}}) {
    cache->add_subcommand(name, about)
        ->fallthrough();  // `cache list --cache FILE` as well as `cache --cache FILE list`
  }
  return cache;
}

std::vector<std::string> ExportPaths::files() const {
  std::vector<std::string> named;
  for (const std::string* path : {&json, &csv, &markdown, &html}) {
    if (!path->empty()) named.push_back(*path);
  }
  return named;
}

bool ExportPaths::takes_stdout() const {
  const std::vector<std::string> named = files();
  return std::find(named.begin(), named.end(), "-") != named.end();
}

CLI::App* add_completion(CLI::App& app, std::string& shell) {
  CLI::App* completion = app.add_subcommand("completion", "print a completion script for a shell");
  completion->add_option("shell", shell, "bash, zsh or fish")->required();
  return completion;
}

CLI::App* add_man(CLI::App& app) { return app.add_subcommand("man", "print the manual page (roff)"); }

Result<Limits> limits_of(const QuestionOptions& options) {
  Limits limits;
  const auto memory = parse_memory_limit(options.memory_limit);
  if (!memory) return failure(memory.error());
  const auto latency = parse_latency_limit(options.latency_limit);
  if (!latency) return failure(latency.error());
  const auto percentile = parse_percentile(options.percentile);
  if (!percentile) return failure(percentile.error());
  limits.percentile = *percentile;
  limits.memory = *memory;
  limits.latency = *latency;
  return limits;
}

Result<Objective> objective_of(const QuestionOptions& options) {
  const auto goal = parse_goal(options.objective);
  if (!goal) return failure(goal.error());
  if (options.balance.empty()) return Objective{*goal, {}};
  if (*goal != Goal::balanced)
    return failure(ErrorKind::usage, "--balance is for the objective 'balanced'", "add --objective balanced");
  const auto balance = parse_balance(options.balance);
  if (!balance) return failure(balance.error());
  return Objective{*goal, *balance};
}

Result<std::optional<Seconds>> duration_of(const std::string& option, const std::string& text) {
  if (text.empty()) return std::optional<Seconds>();
  const auto seconds = parse_seconds(text);
  if (seconds && *seconds > 0) return std::optional<Seconds>(*seconds);
  return failure(ErrorKind::usage, option + " '" + text + "' is not a duration", "write it as 30s or 500ms");
}

Error explain(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  std::vector<std::string> unknown = command.remaining(/*recurse=*/true);
  if (unknown.empty()) unknown = app.remaining(true);
  if (unknown.empty())
    return {ErrorKind::usage, error.what(), "see batchfit " + command.get_name() + " --help"};

  const std::string word = unknown.front().substr(0, unknown.front().find('='));
  const bool is_option = word.starts_with("-");
  const auto near = nearest(word, is_option ? option_names(command) : subcommand_names(command));
  return {ErrorKind::usage, (is_option ? "there is no option '" : "there is no command '") + word + "'",
          near.empty() ? "see batchfit --help" : "did you mean " + join_words(near) + "?"};
}

}  // namespace batchfit
