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
#include "tune/suite.h"

namespace batchfit {
namespace {

using Clock = std::chrono::steady_clock;

/// A file that the results are written to after each workload, so that an interrupted run leaves what it has.
struct Export {
  std::string path;  ///< "-": stdout, once, at the end
  std::function<std::string(const TuneRun&, const RunReport&)> render;
};

std::vector<Export> exports_of(const TuneOptions& options) {
  std::vector<Export> exports;
  const auto add = [&](const std::string& path, auto render) {
    if (!path.empty()) exports.push_back({path, render});
  };
  const auto of_report = [](std::string (*render)(const RunReport&)) {
    return [render](const TuneRun&, const RunReport& report) { return render(report); };
  };
  add(options.export_json,
      [](const TuneRun& run, const RunReport& report) { return export_json(run, report); });
  add(options.export_csv, of_report(export_csv));
  add(options.export_markdown, of_report(export_markdown));
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

void write_exports(const std::vector<Export>& exports, const TuneRun& run, const ReportOptions& options,
                   bool at_end) {
  const RunReport report = report_of(run, options);
  for (const Export& target : exports) {
    if (target.path == "-") {
      if (at_end) std::fputs(target.render(run, report).c_str(), stdout);
      continue;
    }
    const auto written = write_file_atomically(target.path, target.render(run, report));
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
  const auto objective = objective_of(options);
  if (!objective) return report_error(objective.error());
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
  run.objective = *objective;
  run.nvml_seconds = local.took;
  const TuneGoal goal{
      *limits,  options.strategy, options.max_batch, options.strict, !options.no_look_ahead, *budget,
      *confirm, *objective,       options.explore,   options.energy, options.refresh};
  const ReportOptions shown{options.cost.items, options.cost.price, /*verbose=*/false};
  std::future<void> written;
  for (const auto& [model, inputs] : every_pair(options.models, *shapes)) {
    if (cancel.raised()) break;
    request->model = model;
    request->weights = weights[model];
    suite.on_input = [&](const auto& sizes) {
      progress.begin(label_of(request->model, options.workload, sizes));
    };
    run.workloads.push_back(suite.tune(*request, inputs, goal, progress.events()));
    run.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (exports.empty()) continue;
    // The next model loads meanwhile.
    if (written.valid()) written.wait();
    written = std::async(std::launch::async, [&exports, &shown, so_far = run] {
      write_exports(exports, so_far, shown, /*at_end=*/false);
    });
  }
  if (written.valid()) written.wait();
  progress.clear();

  const bool stdout_is_taken =
      std::any_of(exports.begin(), exports.end(), [](const auto& e) { return e.path == "-"; });
  if (!stdout_is_taken)
    std::fputs(render_table(report_of(run, {options.cost.items, options.cost.price, options.worker.verbose}),
                            {terminal_width(), colour_wanted()})
                   .c_str(),
               stdout);
  if (!exports.empty()) write_exports(exports, run, shown, /*at_end=*/true);
  for (const TunedWorkload& workload : run.workloads) {
    if (workload.error) report_error(*workload.error);
  }
  return cancel.raised() ? exit_code_of_signal() : exit_code_of(run);
}

}  // namespace batchfit
