#include <cstdio>

#include "base/clock.h"
#include "base/file.h"
#include "cli/batch_list.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "report/distribution.h"
#include "report/forecast_table.h"
#include "tune/forecast_batches.h"
#include "tune/local_device.h"

namespace batchfit {
namespace {

/// The table on stdout, unless the JSON goes there.
Result<void> show(const ForecastRun& run, const std::string& export_json) {
  if (export_json == "-") {
    std::fputs(export_forecasts_json(run).c_str(), stdout);
    return {};
  }
  std::fputs(render_forecasts(run).c_str(), stdout);
  if (export_json.empty()) return {};
  return write_file_atomically(export_json, export_forecasts_json(run));
}

/// Measured figures of at least one batch make the run a success: that larger ones do not fit is a finding.
int exit_code_of(const ForecastRun& run) {
  for (const ForecastedBatch& entry : run.batches) {
    if (entry.measured()) return exit_found;
  }
  return exit_runtime;
}

}  // namespace

int run_forecast(const ForecastCommandOptions& options, const std::vector<std::string>& command_line,
                 Cancellation& cancel) {
  const auto batches = parse_batches(options.batches);
  if (!batches) return report_error(batches.error());
  const auto memory = parse_memory_limit(options.memory_limit);
  if (!memory) return report_error(memory.error());

  const auto shapes = parse_shapes(options.workload.shapes);
  if (!shapes) return report_error(shapes.error());
  const std::string device = options.worker.device.empty() ? default_device() : options.worker.device;
  auto request = request_of(options.workload, device);
  if (!request) return report_error(request.error());
  if (shapes->size() > 1) {
    return report_error({ErrorKind::usage, "--shape: a forecast is for one workload, and this is a list",
                         "run the command once for each size"});
  }
  const InputSizes& inputs = shapes->front();
  request->shape = inputs.sizes;
  request->model = options.model;
  auto weights = weights_of(options.model, options.workload, options.worker);
  if (!weights) return report_error(weights.error());
  request->weights = std::move(*weights);
  Progress progress(options.quiet);
  Cache cache = cache_of(options.cache, [&](const std::string& warning) {
    progress.clear();
    std::fputs(("batchfit: warning: " + warning + "\n").c_str(), stderr);
  });
  ForecastRun run;
  run.version = BATCHFIT_VERSION;
  run.command = command_line;
  run.started_at = seconds_since_epoch();
  run.limits = {*memory, NoLimit{}};

  progress.begin(label_of(options.model, options.workload, inputs.sizes));
  progress.loading();
  RemoteWorker worker(worker_of(options.worker, device, cancel));
  const auto loaded = worker.load(*request);
  if (!loaded) return report_error(loaded.error());
  run.subject = loaded->subject;
  run.notes = loaded->notes;
  if (!inputs.told.empty())
    run.notes.push_back("inputs: " + inputs.told + "; measured at " + sizes_text(inputs.sizes));
  if (options.refresh) cache.refresh(loaded->subject);
  const ForecastTask task{loaded->subject, run.limits, *batches, [&] { return cancel.raised(); },
                          progress.events()};
  run.batches = forecast_batches(task, worker, cache);
  run.environment = worker.last_environment();
  cache.summarize(loaded->subject);
  worker.quit();
  progress.clear();

  if (const auto shown = show(run, options.export_json); !shown) return report_error(shown.error());
  return cancel.raised() ? exit_code_of_signal() : exit_code_of(run);
}

}  // namespace batchfit
