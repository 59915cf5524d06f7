#include "cli/export_files.h"

#include <cstdio>
#include <fstream>
#include <functional>

#include "base/file.h"
#include "cli/gnuplot.h"
#include "report/html_export.h"
#include "report/json_export.h"
#include "report/plots.h"

namespace batchfit {
namespace {

struct Export {
  std::string path;  ///< "-": stdout
  std::function<std::string()> render;
};

std::vector<Export> exports_of(const ExportPaths& paths, const ReportDocument& document, const TuneRun* run) {
  std::vector<Export> exports;
  const auto add = [&](const std::string& path, std::function<std::string()> render) {
    if (!path.empty()) exports.push_back({path, std::move(render)});
  };
  add(paths.json, [&, run] {
    return run != nullptr ? export_json(*run, document.runs.front().run) : export_json(document);
  });
  add(paths.csv, [&] { return export_csv(document); });
  add(paths.html, [&] { return export_html(document); });
  add(paths.markdown, [&] { return export_markdown(document); });
  return exports;
}

}  // namespace

Result<void> check_writable(const ExportPaths& paths) {
  for (const std::string& path : paths.files()) {
    if (path == "-") continue;
    if (!std::ofstream(path, std::ios::app)) {
      return failure(ErrorKind::usage, "cannot write the export " + path, "name a file that can be written");
    }
  }
  return paths.plots.empty() ? Result<void>() : find_gnuplot();
}

Result<void> write_exports(const ExportPaths& paths, const ReportDocument& document, const TuneRun* run,
                           bool at_end) {
  Result<void> out;
  for (const Export& target : exports_of(paths, document, run)) {
    if (target.path == "-") {
      if (at_end) std::fputs(target.render().c_str(), stdout);
      continue;
    }
    const auto written = write_file_atomically(target.path, target.render());
    if (!written && out) out = failure(written.error());
  }
  const std::string script = paths.plots.empty() || !at_end ? "" : plot_script(document.runs);
  if (script.empty()) return out;
  const auto drawn = draw(paths.plots, script);
  if (!drawn && out) out = failure(drawn.error());
  return out;
}

}  // namespace batchfit
