#include <cstdio>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/export_files.h"
#include "cli/terminal.h"
#include "report/report_document.h"
#include "report/results_reader.h"
#include "tune/cache_run.h"

namespace batchfit {
namespace {

Result<RunReport> report_of_cache(const std::string& path, const TuneGoal& goal) {
  auto run = run_of_cache(path, goal);
  if (!run) return failure(run.error());
  run->version = BATCHFIT_VERSION;
  run->command = {"batchfit", "report", path};
  return report_of(*run);
}

/// A run from a file, its costs worked out anew where the user asks for it.
Result<NamedRun> read(const std::string& path, const TuneGoal& asked_of_caches, const CostOptions& cost) {
  auto run = is_cache(path) ? report_of_cache(path, asked_of_caches) : read_results(path);
  if (!run) return failure(run.error());
  if (cost.items || cost.price) put_costs(*run, cost.items.value_or(run->items), cost.price);
  return NamedRun{path, std::move(*run)};
}

Result<ReportDocument> read_all(const ReportCommandOptions& options) {
  const auto limits = limits_of(options.question);
  if (!limits) return failure(limits.error());
  const auto objective = objective_of(options.question);
  if (!objective) return failure(objective.error());
  TuneGoal goal;
  goal.limits = *limits;
  goal.objective = *objective;
  ReportDocument out;
  for (const std::string& path : options.files) {
    auto named = read(path, goal, options.cost);
    if (!named) return failure(named.error());
    out.runs.push_back(std::move(*named));
  }
  if (options.against.empty()) return out;
  if (out.runs.size() > 1) {
    return failure(ErrorKind::usage, "--against compares one result file with an earlier one",
                   "give one FILE, or leave --against out");
  }
  const auto earlier = read(options.against, goal, options.cost);
  if (!earlier) return failure(earlier.error());
  out.against = options.against;
  out.changes = changes(earlier->run, out.runs.front().run);
  return out;
}

}  // namespace

int run_report(const ReportCommandOptions& options) {
  if (auto writable = check_writable(options.exports); !writable) return report_error(writable.error());
  const auto document = read_all(options);
  if (!document) return report_error(document.error());
  if (!options.exports.takes_stdout())
    std::fputs(render_report(*document, terminal_width(), colour_wanted()).c_str(), stdout);
  if (auto written = write_exports(options.exports, *document, nullptr, /*at_end=*/true); !written)
    return report_error(written.error());
  if (!options.fail_on_regression) return exit_found;
  if (document->changes.empty()) {
    return report_error({ErrorKind::usage,
                         "no workload of " + options.against + " is in " + options.files.front(),
                         "compare runs of the same models on the same device"});
  }
  return any_worse(document->changes) ? exit_regression : exit_found;
}

}  // namespace batchfit
