#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <map>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/progress.h"
#include "cli/shapes.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "facts/model_input.h"
#include "report/csv_export.h"
#include "report/distribution.h"
#include "report/json_export.h"
#include "report/markdown_export.h"
#include "report/table.h"
#include "tune/pipeline.h"
#include "tune/suite.h"

namespace batchfit {
namespace {

using Clock = std::chrono::steady_clock;

/// A file that the results are written to after each workload, so that an interrupted run leaves what it has.
struct Export {
  std::string path;  ///< "-": stdout, once, at the end
  std::function<std::string(const TuneRun&)> render;
};

std::vector<Export> exports_of(const TuneOptions& options) {
  std::vector<Export> exports;
  const auto add = [&](const std::string& path, auto render) {
    if (!path.empty()) exports.push_back({path, render});
  };
  add(options.export_json, export_json);
  add(options.export_csv, export_csv);
  add(options.export_markdown, export_markdown);
  return exports;
}

/// An export that cannot be written must be known before anything is measured.
Result<void> check_writable(const std::vector<Export>& exports) {
  for (const Export& target : exports) {
    if (target.path == "-") continue;
    if (!std::ofstream(target.path, std::ios::app)) {
      return failure(ErrorKind::usage, "cannot write the export " + target.path,
                     "name a file that can be written");
    }
  }
  return {};
}

void write_exports(const std::vector<Export>& exports, const TuneRun& run, bool at_end) {
  for (const Export& target : exports) {
    if (target.path == "-") {
      if (at_end) std::fputs(target.render(run).c_str(), stdout);
      continue;
    }
    const auto written = write_file_atomically(target.path, target.render(run));
    if (!written && at_end) report_error(written.error());
  }
}

int terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 100;
}

/// An answer that a shorter input contradicts is not proven.
bool is_proven(const TunedWorkload& workload) {
  const auto mixture = distribution_figures(workload);
  return !mixture || mixture->holds.value_or(true);
}

/// The first workload without an answer, or without a proven one, decides; 0 where all have one.
int exit_code_of(const TuneRun& run) {
  for (const TunedWorkload& workload : run.workloads) {
    const bool unstable = workload.confirmation && workload.confirmation->broken();
    const int code = workload.error ? exit_code_of(*workload.error)
                     : unstable     ? exit_undecided
                                    : exit_code_of(workload.answer.status);
    if (code != exit_found) return code;
    if (!is_proven(workload)) return exit_undecided;
    if (workload.pipeline && workload.pipeline->error) return exit_code_of(*workload.pipeline->error);
  }
  return exit_found;
}

/// Each model with each set of sizes.
std::vector<std::pair<std::string, InputSizes>> every_pair(const std::vector<std::string>& models,
                                                           const std::vector<InputSizes>& shapes) {
  std::vector<std::pair<std::string, InputSizes>> pairs;
  for (const std::string& model : models) {
    for (const InputSizes& inputs : shapes) pairs.emplace_back(model, inputs);
  }
  return pairs;
}

/// Runs the pipeline over the videos, where there is a batch to run it at.
void add_pipeline(TunedWorkload& tuned, const LoadRequest& request, const TuneOptions& options,
                  const Limits& limits, Suite& suite, Progress& progress) {
  if (tuned.error || !tuned.answer.batch() || tuned.answer.status == Status::interrupted) return;
  const std::string label = label_of(request.model, options.workload, request.shape);
  const PipelineGoal goal{
      options.videos, options.frames_per_second,
      [&](Batch batch) { progress.begin(fmt::format("{}  video, batch {}", label, batch)); },
      [&](const VideoProgress& now) { progress.frames(now); }};
  tuned.pipeline = tune_pipeline(request, tuned, limits, goal, suite.worker());
}

bool colour_wanted() { return rewritable_terminal(STDOUT_FILENO) && std::getenv("NO_COLOR") == nullptr; }

}  // namespace

int run_tune(const TuneOptions& options, const std::vector<std::string>& command_line, Cancellation& cancel) {
  const auto start = Clock::now();
  const auto limits = limits_of(options);
  if (!limits) return report_error(limits.error());
  if (auto known = make_strategy(options.strategy, {}); !known) return report_error(known.error());
  const auto shapes = parse_shapes(options.workload.shapes);
  if (!shapes) return report_error(shapes.error());
  const std::string device = options.worker.device.empty() ? default_device() : options.worker.device;
  auto request = request_of(options.workload, device);
  if (!request) return report_error(request.error());
  std::map<std::string, std::string> weights;
  for (const std::string& model : options.models) {
    auto found = weights_of(model, options.workload, options.worker);
    if (!found) return report_error(found.error());
    weights[model] = std::move(*found);
  }
  if (!options.videos.empty() && (shapes->size() > 1 || !shapes->front().told.empty())) {
    return report_error({ErrorKind::usage, "--video goes with one size of the input", "name one image_size"});
  }
  const auto budget = duration_of("--time-budget", options.time_budget);
  if (!budget) return report_error(budget.error());
  const auto confirm = duration_of("--confirm", options.confirm);
  if (!confirm) return report_error(confirm.error());
  const auto exports = exports_of(options);
  if (auto writable = check_writable(exports); !writable) return report_error(writable.error());

  Progress progress(options.quiet);
  Cache cache = cache_of(options.cache, [&](const std::string& warning) {
    progress.clear();
    std::fputs(("batchfit: warning: " + warning + "\n").c_str(), stderr);
  });
  const LocalDevice local = look_at(device);
  Suite suite(worker_of(options.worker, device, cancel), local, cache, cancel);
  suite.on_load = [&] { progress.loading(); };

  TuneRun run;
  run.version = BATCHFIT_VERSION;
  run.command = command_line;
  run.started_at = seconds_since_epoch();
  run.limits = *limits;
  run.strategy = options.strategy;
  run.nvml_seconds = local.took;
  const TuneGoal goal{*limits, options.strategy, options.max_batch, options.strict, !options.no_look_ahead,
                      *budget, *confirm,         options.refresh};
  std::future<void> written;
  for (const auto& [model, inputs] : every_pair(options.models, *shapes)) {
    if (cancel.raised()) break;
    request->model = model;
    request->weights = weights[model];
    suite.on_input = [&](const auto& sizes) {
      progress.begin(label_of(request->model, options.workload, sizes));
    };
    run.workloads.push_back(suite.tune(*request, inputs, goal, progress.events()));
    request->shape = inputs.sizes;
    if (!options.videos.empty())
      add_pipeline(run.workloads.back(), *request, options, *limits, suite, progress);
    run.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (exports.empty()) continue;
    // The next model loads meanwhile.
    if (written.valid()) written.wait();
    written = std::async(std::launch::async,
                         [&exports, so_far = run] { write_exports(exports, so_far, /*at_end=*/false); });
  }
  if (written.valid()) written.wait();
  progress.clear();

  const bool stdout_is_taken =
      std::any_of(exports.begin(), exports.end(), [](const auto& e) { return e.path == "-"; });
  if (!stdout_is_taken)
    std::fputs(render_table(run, {terminal_width(), colour_wanted(), options.worker.verbose}).c_str(),
               stdout);
  write_exports(exports, run, /*at_end=*/true);
  for (const TunedWorkload& workload : run.workloads) {
    if (workload.error) report_error(*workload.error);
    if (workload.pipeline && workload.pipeline->error) report_error(*workload.pipeline->error);
  }
  return cancel.raised() ? exit_code_of_signal() : exit_code_of(run);
}

}  // namespace batchfit
