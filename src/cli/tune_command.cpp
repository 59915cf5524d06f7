#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <map>

#include "base/clock.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/export_files.h"
#include "cli/named_model.h"
#include "cli/progress.h"
#include "cli/shapes.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "facts/model_input.h"
#include "report/distribution.h"
#include "report/table.h"
#include "tune/pipeline.h"
#include "tune/suite.h"

namespace batchfit {
namespace {

using Clock = std::chrono::steady_clock;

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
std::vector<std::pair<NamedModel, InputSizes>> every_pair(const std::vector<NamedModel>& models,
                                                          const std::vector<InputSizes>& shapes) {
  std::vector<std::pair<NamedModel, InputSizes>> pairs;
  for (const NamedModel& model : models) {
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

}  // namespace

int run_tune(const TuneOptions& options, const std::vector<std::string>& command_line, Cancellation& cancel) {
  const auto start = Clock::now();
  const auto limits = limits_of(options.question);
  if (!limits) return report_error(limits.error());
  if (auto known = make_strategy(options.strategy, {}); !known) return report_error(known.error());
  const auto shapes = parse_shapes(options.workload.shapes);
  if (!shapes) return report_error(shapes.error());
  const std::string device = options.worker.device.empty() ? default_device() : options.worker.device;
  auto request = request_of(options.workload, device);
  if (!request) return report_error(request.error());
  std::vector<NamedModel> models;
  std::map<std::string, std::string> weights;
  for (const std::string& text : options.models) {
    const NamedModel& model = models.emplace_back(parse_model(text));
    auto found = weights_of(model.name, options.workload, options.worker);
    if (!found) return report_error(found.error());
    weights[model.name] = std::move(*found);
  }
  const auto objective = objective_of(options.question);
  if (!objective) return report_error(objective.error());
  if (!options.videos.empty() && (shapes->size() > 1 || !shapes->front().told.empty())) {
    return report_error({ErrorKind::usage, "--video goes with one size of the input", "name one image_size"});
  }
  const auto budget = duration_of("--time-budget", options.time_budget);
  if (!budget) return report_error(budget.error());
  const auto confirm = duration_of("--confirm", options.confirm);
  if (!confirm) return report_error(confirm.error());
  const ExportPaths& exports = options.exports;
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
  run.objective = *objective;
  run.nvml_seconds = local.took;
  const TuneGoal goal{
      *limits,  options.strategy, options.max_batch, options.strict, !options.no_look_ahead, *budget,
      *confirm, *objective,       options.explore,   options.energy, options.refresh};
  const auto document_of = [&](const TuneRun& of, bool verbose) {
    const ReportOptions shown{options.cost.items.value_or(ReportOptions{}.items), options.cost.price,
                              verbose};
    return ReportDocument{{{"", report_of(of, shown)}}, "", {}};
  };
  std::future<void> written;
  for (const auto& [model, inputs] : every_pair(models, *shapes)) {
    if (cancel.raised()) break;
    request->model = model.name;
    request->mode = model.mode.value_or(options.workload.mode);
    request->weights = weights[model.name];
    suite.on_input = [&, name = model.name + (model.mode ? " " + *model.mode : "")](const auto& sizes) {
      progress.begin(label_of(name, options.workload, sizes));
    };
    run.workloads.push_back(suite.tune(*request, inputs, goal, progress.events()));
    request->shape = inputs.sizes;
    if (!options.videos.empty())
      add_pipeline(run.workloads.back(), *request, options, *limits, suite, progress);
    run.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (!exports.any()) continue;
    // The next model loads meanwhile.
    if (written.valid()) written.wait();
    written = std::async(std::launch::async, [&, so_far = run] {
      // What cannot be written now is tried again, and told, at the end.
      [[maybe_unused]] const auto tried =
          write_exports(exports, document_of(so_far, false), &so_far, /*at_end=*/false);
    });
  }
  if (written.valid()) written.wait();
  progress.clear();

  if (!exports.takes_stdout()) {
    const ReportDocument shown = document_of(run, options.worker.verbose);
    std::fputs(render_table(shown.runs.front().run, {terminal_width(), colour_wanted()}).c_str(), stdout);
  }
  if (exports.any()) {
    const auto at_end = write_exports(exports, document_of(run, false), &run, /*at_end=*/true);
    if (!at_end) report_error(at_end.error());
  }
  for (const TunedWorkload& workload : run.workloads) {
    if (workload.error) report_error(*workload.error);
    if (workload.pipeline && workload.pipeline->error) report_error(*workload.pipeline->error);
  }
  return cancel.raised() ? exit_code_of_signal() : exit_code_of(run);
}

}  // namespace batchfit
