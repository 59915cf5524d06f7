#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "report/csv_export.h"
#include "report/html_export.h"
#include "report/json_export.h"
#include "report/markdown_export.h"
#include "report/plots.h"
#include "report/report_document.h"
#include "report/table.h"
#include "sample_runs.h"

namespace batchfit {
namespace {

/// Compares with tests/golden/expected/NAME; BATCHFIT_UPDATE_GOLDEN=1 writes the file instead, to be read in
/// a diff.
void expect_golden(const std::string& name, const std::string& made) {
  const std::filesystem::path path = std::filesystem::path(BATCHFIT_GOLDEN) / name;
  const char* update = std::getenv("BATCHFIT_UPDATE_GOLDEN");
  if (update != nullptr && std::string(update) == "1") {
    ASSERT_TRUE(write_file_atomically(path, made)) << path;
    return;
  }
  const auto expected = read_file(path);
  ASSERT_TRUE(expected) << expected.error().text() << "; BATCHFIT_UPDATE_GOLDEN=1 makes it";
  EXPECT_EQ(made, *expected) << "BATCHFIT_UPDATE_GOLDEN=1 rewrites " << path;
}

/// Takes out what is between the two, every time: the page's style and scripts are files of their own.
std::string without(std::string text, const std::string& from, const std::string& to) {
  std::size_t at = 0;
  while ((at = text.find(from, at)) != std::string::npos) {
    at += from.size();
    text.erase(at, text.find(to, at) - at);
  }
  return text;
}

ReportDocument document_of(const TuneRun& run) { return {{{"results.json", report_of(run)}}, "", {}}; }

TEST(Golden, the_pages) {
  for (const auto& [name, run] :
       {std::pair{"two_models", sample::two_models()}, {"mixed", sample::mixed()}}) {
    const std::string page = export_html(document_of(run));
    expect_golden(std::string(name) + ".html",
                  without(without(page, "<style>", "</style>"), "<script>", "</script>"));
  }
}

TEST(Golden, the_plots) {
  for (const auto& [name, run] : {std::pair{"two_models", sample::two_models()}, {"mixed", sample::mixed()}})
    expect_golden(std::string(name) + ".gp", plot_script(document_of(run).runs));
}

TEST(Golden, reports_of_several_runs_and_of_changes) {
  ReportDocument document = document_of(sample::two_models());
  document.runs.push_back({"other.json", report_of(sample::on_a_cpu())});
  expect_golden("several_80.txt", render_report(document, 80, false));
  expect_golden("several.md", export_markdown(document));
  ReportDocument against = document_of(sample::two_models());
  against.against = "old.json";
  against.changes = changes(report_of(sample::two_models()), against.runs.front().run);
  expect_golden("against_80.txt", render_report(against, 80, false));
}

TEST(Golden, the_table_of_two_models) {
  expect_golden("two_models_100.txt", render_table(report_of(sample::two_models()), {.width = 100}));
  expect_golden("two_models_80.txt", render_table(report_of(sample::two_models()), {.width = 80}));
}

TEST(Golden, the_table_of_all_that_can_go_otherwise) {
  expect_golden("mixed_100.txt", render_table(report_of(sample::mixed()), {.width = 100}));
  expect_golden("mixed_60.txt", render_table(report_of(sample::mixed()), {.width = 60}));
}

TEST(Golden, the_table_of_language_models) {
  expect_golden("language_models_160.txt",
                render_table(report_of(sample::language_models()), {.width = 160}));
}

TEST(Golden, the_table_of_a_cpu) {
  expect_golden("on_a_cpu_80.txt", render_table(report_of(sample::on_a_cpu()), {.width = 80}));
}

TEST(Golden, the_table_of_a_distribution_of_inputs) {
  expect_golden("many_lengths_100.txt", render_table(report_of(sample::many_lengths()), {.width = 100}));
}

TEST(Golden, the_table_in_colour) {
  expect_golden("two_models_colour.txt",
                render_table(report_of(sample::two_models()), {.width = 80, .colour = true}));
}

TEST(Golden, the_exports) {
  for (const auto& [name, run] : {std::pair{"two_models", sample::two_models()},
                                  {"mixed", sample::mixed()},
                                  {"on_a_cpu", sample::on_a_cpu()},
                                  {"many_lengths", sample::many_lengths()},
                                  {"language_models", sample::language_models()}}) {
    expect_golden(std::string(name) + ".json", export_json(run, report_of(run)));
    expect_golden(std::string(name) + ".csv", export_csv(report_of(run)));
    expect_golden(std::string(name) + ".md", export_markdown(report_of(run)));
  }
}

}  // namespace
}  // namespace batchfit
