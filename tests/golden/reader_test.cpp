#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/comparison.h"
#include "report/display.h"
#include "report/json_export.h"
#include "report/report_document.h"
#include "report/results_reader.h"
#include "report/table.h"
#include "sample_runs.h"

// A report from a result file is the report of the run itself.

namespace batchfit {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

const std::pair<const char*, TuneRun (*)()> samples[] = {{"two_models", sample::two_models},
                                                         {"mixed", sample::mixed},
                                                         {"on_a_cpu", sample::on_a_cpu},
                                                         {"many_lengths", sample::many_lengths},
                                                         {"language_models", sample::language_models}};

std::string file_of(const TuneRun& run) { return export_json(run, report_of(run)); }

ReportDocument document_of(RunReport run) { return {{{"results.json", std::move(run)}}, "", {}}; }

TEST(ResultsReader, every_report_of_a_file_is_that_of_its_run) {
  for (const auto& [name, make] : samples) {
    SCOPED_TRACE(name);
    const RunReport run = report_of(make());
    const auto read = parse_results(file_of(make()), name);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(Json::diff(results_json(*read), results_json(run)).dump(), "[]");
    EXPECT_EQ(render_table(*read, {.width = 100}), render_table(run, {.width = 100}));
    EXPECT_EQ(export_csv(document_of(*read)), export_csv(document_of(run)));
    EXPECT_EQ(export_markdown(document_of(*read)), export_markdown(document_of(run)));
    EXPECT_EQ(render_report(document_of(*read), 80, false), render_report(document_of(run), 80, false));
  }
}

TEST(ResultsReader, costs_can_be_worked_out_anew) {
  auto read = parse_results(file_of(sample::two_models()), "results.json");
  ASSERT_TRUE(read);
  put_costs(*read, 11, 3600.0);
  const auto& taken = read->workloads.front().processing;
  EXPECT_DOUBLE_EQ(taken[1].seconds, *read->workloads.front().figures.latency);
  EXPECT_DOUBLE_EQ(*taken[1].usd, taken[1].seconds);
}

TEST(ResultsReader, a_file_cut_anywhere_is_an_error_and_nothing_worse) {
  const std::string whole = file_of(sample::mixed());
  for (std::size_t length = 0; length + 2 < whole.size(); length += 1 + length / 50) {
    const auto read = parse_results(std::string_view(whole).substr(0, length), "cut.json");
    ASSERT_FALSE(read) << length;
    EXPECT_EQ(read.error().kind, ErrorKind::corrupt);
    EXPECT_THAT(read.error().text(), HasSubstr("cut.json"));
    EXPECT_FALSE(read.error().remedy.empty());
  }
}

TEST(ResultsReader, a_byte_changed_anywhere_is_read_or_refused) {
  const std::string whole = file_of(sample::on_a_cpu());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = changed[at] == '9' ? 'x' : '9';
    const auto read = parse_results(changed, "changed.json");
    if (read) {
      EXPECT_FALSE(export_markdown(document_of(*read)).empty());
    } else {
      EXPECT_FALSE(read.error().message.empty());
    }
  }
}

std::string changed(const std::string& from, const std::string& to) {
  std::string text = file_of(sample::on_a_cpu());
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ResultsReader, what_is_wrong_is_named) {
  const std::pair<std::string, std::string> cases[] = {
      {changed("\"version\": 1", "\"version\": 2"), "is of version 2; this batchfit reads version 1"},
      {changed("batchfit-results", "batchfit-sweeps"), "no result file of batchfit"},
      {"{}", "no result file of batchfit"},
      {"[]", "'{' is missing"},
      {changed("\"strategy\"", "\"stratagem\""), "has no 'strategy'"},
      {changed("\"status\": \"found\"", "\"status\": \"lost\""), "status 'lost' is unknown"},
      {changed("\"latency_s\": ", "\"latency_s\": -"), "finite number, zero or more"},
      {changed("\"limit_bytes\":", "\"limit_bytes\":99999999999"), "'limit_bytes' is not an integer"},
      {changed("\"verdict\":\"pass\"", "\"verdict\":\"perhaps\""), "verdict 'perhaps' is unknown"},
      {file_of(sample::on_a_cpu()) + "{}", "more after the end"},
  };
  for (const auto& [text, words] : cases) {
    const auto read = parse_results(text, "results.json");
    ASSERT_FALSE(read) << words;
    EXPECT_THAT(read.error().text(), HasSubstr(words));
  }
}

TEST(ResultsReader, a_file_that_is_not_there_is_named) {
  EXPECT_THAT(read_results("/nowhere/results.json").error().text(), HasSubstr("/nowhere/results.json"));
}

RunReport slower(double factor) {
  RunReport run = report_of(sample::two_models());
  WorkloadReport& workload = run.workloads.front();
  for (BatchFigures& figures : workload.batches) {
    *figures.latency *= factor;
    *figures.throughput /= factor;
  }
  *workload.figures.throughput /= factor;
  return run;
}

TEST(Comparison, what_moved_beyond_the_noise_is_told_from_what_did_not) {
  const RunReport was = report_of(sample::two_models());
  EXPECT_FALSE(any_worse(changes(was, was)));
  EXPECT_FALSE(any_worse(changes(was, slower(1.008)))) << "graph timing repeats to that";
  EXPECT_TRUE(any_worse(changes(was, slower(1.03))));
  EXPECT_FALSE(any_worse(changes(was, slower(0.97)))) << "it became better";
}

TEST(Comparison, an_answer_that_is_gone_is_worse) {
  const RunReport was = report_of(sample::two_models());
  RunReport now = was;
  now.workloads.front().figures = {};
  now.workloads.front().answer.best.reset();
  EXPECT_TRUE(any_worse(changes(was, now)));
  EXPECT_FALSE(any_worse(changes(now, was)));
}

TEST(Comparison, other_workloads_and_devices_are_not_compared) {
  const RunReport was = report_of(sample::two_models());
  RunReport now = was;
  for (WorkloadReport& workload : now.workloads) workload.subject->device.name = "another";
  EXPECT_THAT(changes(was, now), SizeIs(0));
}

TEST(Comparison, a_table_fits_a_terminal_of_80_columns) {
  ReportDocument document{
      {{"a.json", report_of(sample::two_models())}, {"b.json", report_of(sample::mixed())}}, "", {}};
  const std::string text = render_report(document, 80, false);
  std::size_t from = 0;
  for (std::size_t end; (end = text.find('\n', from)) != std::string::npos; from = end + 1)
    EXPECT_LE(display_width(text.substr(from, end - from)), 80U) << text.substr(from, end - from);
}

}  // namespace
}  // namespace batchfit
