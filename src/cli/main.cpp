#include <cstdio>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/option_documents.h"
#include "cli/options.h"
#include "cli/signals.h"

namespace {

int print(const batchfit::Result<std::string>& text) {
  if (!text) return batchfit::report_error(text.error());
  std::fputs(text->c_str(), stdout);
  return batchfit::exit_found;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace batchfit;
  CLI::App app("Finds the batch size that a deep-learning model should run at on a device.", "batchfit");
  app.set_version_flag("--version", "batchfit " BATCHFIT_VERSION);
  app.require_subcommand(1);
  TuneOptions tune_options;
  ForecastCommandOptions forecast_options;
  ReportCommandOptions report_options;
  RunOptions run_options;
  WorkerChoice models_options;
  WorkerChoice devices_options;
  CacheOptions cache_options;
  const CLI::App* tune = add_tune(app, tune_options);
  const CLI::App* forecast = add_forecast(app, forecast_options);
  const CLI::App* report = add_report(app, report_options);
  const CLI::App* run = add_run(app, run_options);
  const CLI::App* models = add_models(app, models_options);
  const CLI::App* devices = add_devices(app, devices_options);
  const CLI::App* cache = add_cache(app, cache_options);
  std::string shell;
  const CLI::App* completion = add_completion(app, shell);
  const CLI::App* man = add_man(app);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help and --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return report_error(explain(app, error));
  }

  if (report->parsed()) return run_report(report_options);
  if (man->parsed()) return print(man_page(app, BATCHFIT_VERSION));
  if (completion->parsed()) return print(completion_script(app, shell));
  Cancellation cancel;
  raise_on_signals(cancel);
  if (tune->parsed()) return run_tune(tune_options, {argv, argv + argc}, cancel);
  if (forecast->parsed()) return run_forecast(forecast_options, {argv, argv + argc}, cancel);
  if (run->parsed()) return run_run(run_options, {argv, argv + argc}, cancel);
  if (models->parsed()) return run_models(models_options, cancel);
  if (devices->parsed()) return run_devices(devices_options, cancel);
  if (cache->parsed()) return run_cache(cache_options, cache->get_subcommands().front()->get_name());
  return exit_usage;
}
