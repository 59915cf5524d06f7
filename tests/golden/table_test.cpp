#include "report/table.h"

#include <gtest/gtest.h>

#include "report/csv_export.h"
#include "report/display.h"
#include "report/figures.h"
#include "report/markdown_export.h"
#include "report/wording.h"
#include "sample_runs.h"

namespace batchfit {
namespace {

TEST(DisplayWidth, counts_columns_not_bytes) {
  EXPECT_EQ(display_width("resnet50"), 8U);
  EXPECT_EQ(display_width("–"), 1U);
  EXPECT_EQ(display_width("modèle"), 6U);
  EXPECT_EQ(display_width("mode\u0300le"), 6U) << "a combining mark takes no column";
  EXPECT_EQ(display_width("模型"), 4U);
  EXPECT_EQ(display_width("🚀"), 2U);
}

TEST(DisplayWidth, padding_and_shortening_go_by_columns) {
  EXPECT_EQ(pad_right("模型", 6), "模型  ");
  EXPECT_EQ(pad_left("é", 3), "  é");
  EXPECT_EQ(pad_left("longer", 3), "longer");
  EXPECT_EQ(shorten("模型模型", 5), "模型…");
  EXPECT_EQ(shorten("模型模型", 4), "模…");
  EXPECT_EQ(shorten("resnet50", 8), "resnet50");
}

TEST(Printable, what_could_control_a_terminal_becomes_a_visible_mark) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\uFFFD[2Jb");
  EXPECT_EQ(printable("a\nb\tc\x7f"), "a\uFFFDb\uFFFDc\uFFFD");
  EXPECT_EQ(printable("\u009b31m"), "\uFFFD31m") << "the one-character CSI";
  EXPECT_EQ(printable("\u202Egnp.exe"), "\uFFFDgnp.exe") << "a right-to-left override";
  EXPECT_EQ(printable(std::string_view("\0x", 2)), "\uFFFDx");
  EXPECT_EQ(printable("modèle 模型 🚀"), "modèle 模型 🚀");
}

TEST(Printable, bytes_that_are_no_utf8_become_a_mark_each) {
  EXPECT_EQ(printable("a\xff"
                      "b"),
            "a\uFFFDb");
  EXPECT_EQ(printable("\xc0\xaf"), "\uFFFD\uFFFD") << "an overlong slash";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
  EXPECT_EQ(printable("\xe6\xa8"), "\uFFFD\uFFFD") << "cut off";
}

TEST(Wrap, breaks_between_words_but_keeps_a_number_with_its_unit) {
  EXPECT_EQ(wrap("latency 2.07 ms over", 15, 2), "  latency\n    2.07 ms\n    over\n");
  EXPECT_EQ(wrap("short", 80, 2), "  short\n");
  EXPECT_EQ(wrap("averylongword", 4, 0), "averylongword\n");
}

TEST(Wording, what_is_inside_a_limit_never_looks_as_if_it_were_on_it) {
  EXPECT_EQ(share_text(0.9998), "99.9 %");
  EXPECT_EQ(share_text(1.0001), "100.1 %");
  EXPECT_EQ(share_text(1.0), "100 %");
  EXPECT_EQ(share_text(0.936), "94 %");
  EXPECT_EQ(share_text(0.004), "0.4 %");
}

TEST(Wording, values_that_would_look_alike_get_more_digits) {
  EXPECT_EQ(told_apart(0.003022, 0.00302), (std::pair<std::string, std::string>{"3.0220 ms", "3.0200 ms"}));
  EXPECT_EQ(told_apart(0.00207, 0.00201), (std::pair<std::string, std::string>{"2.07 ms", "2.01 ms"}));
  EXPECT_EQ(told_apart(135'150'960'640, 135'107'444'736),
            (std::pair<std::string, std::string>{"125.87 GiB", "125.83 GiB"}));
}

TEST(Wording, counts_are_grouped_by_thousands) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1234567), "1,234,567");
  EXPECT_EQ(throughput_text(5480.8), "5,481");
  EXPECT_EQ(throughput_text(12.46), "12.5");
  EXPECT_EQ(throughput_text(0.416), "0.42");
}

TEST(Wording, a_simulated_device_says_so) {
  Device device{"sim", "H100", gibibyte, {}, {}, {}};
  EXPECT_EQ(device_text(device), "SIMULATED H100 (1.00 GiB)");
}

TEST(CsvText, is_quoted_as_rfc_4180_says) {
  EXPECT_EQ(csv_text("plain"), "plain");
  EXPECT_EQ(csv_text("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_text("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(csv_text("two\nlines"), "two\uFFFDlines") << "a row stays on its line";
}

TEST(CsvText, is_never_a_formula) {
  for (const char* text : {"=1+1", "+1", "-1", "@SUM(A1)"})
    EXPECT_EQ(csv_text(text), "'" + std::string(text));
  EXPECT_EQ(csv_text("=HYPERLINK(\"x\",\"y\")"), "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"");
}

TEST(MarkdownText, holds_no_markup) {
  EXPECT_EQ(markdown_text("<script>|`x`"), "&lt;script&gt;\\|\\`x\\`");
  EXPECT_EQ(markdown_text("vit_b_16"), "vit_b_16");
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t from = 0;
  for (std::size_t end; (end = text.find('\n', from)) != std::string::npos; from = end + 1) {
    lines.push_back(text.substr(from, end - from));
  }
  return lines;
}

TEST(Table, fits_the_terminal_at_every_usual_width) {
  for (const int width : {60, 72, 80, 100, 140}) {
    for (const TuneRun& run :
         {sample::two_models(), sample::mixed(), sample::on_a_cpu(), sample::many_lengths()}) {
      for (const std::string& line : lines_of(render_table(report_of(run), {.width = width}))) {
        EXPECT_LE(display_width(line), static_cast<std::size_t>(width)) << line;
      }
    }
  }
}

TEST(Table, a_hostile_name_cannot_control_the_terminal) {
  const std::string table = render_table(report_of(sample::mixed()));
  EXPECT_EQ(table.find('\x1b'), std::string::npos);
  EXPECT_EQ(table.find("\u202E"), std::string::npos);
}

TEST(Table, says_random_weights_for_every_workload_even_where_the_worker_did_not) {
  TuneRun run = sample::two_models();
  run.workloads[0].notes.clear();
  std::size_t said = 0;
  for (const std::string& line : lines_of(render_table(report_of(run))))
    said += line == "  weights: random (seed 0)" ? 1 : 0;
  EXPECT_EQ(said, run.workloads.size());
}

TEST(Table, what_is_unknown_is_a_dash_and_never_0) {
  TuneRun run = sample::on_a_cpu();
  TunedWorkload& tuned = run.workloads[0];
  Evidence evidence;
  for (const Batch batch : tuned.evidence.observed()) {
    Observation observation = *tuned.evidence.observation(batch);
    observation.memory = {};
    evidence.add(observation);
  }
  tuned.evidence = evidence;
  tuned.answer = answer(evidence, run.limits, tuned.environment, {2, Timing::eager, {}}, Done{""});
  const std::string table = render_table(report_of(run));
  EXPECT_NE(table.find("160 ms       –"), std::string::npos) << table;
  EXPECT_EQ(table.find("0 B"), std::string::npos) << table;
  EXPECT_NE(table.find("own memory is not known"), std::string::npos) << table;
}

TEST(Table, an_interrupted_search_says_that_its_batch_is_the_best_so_far) {
  TuneRun run = sample::two_models();
  run.workloads[0].answer.status = Status::interrupted;
  EXPECT_NE(render_table(report_of(run)).find("interrupted: the best batch so far"), std::string::npos);
}

TEST(Table, nothing_fits_names_what_others_hold) {
  TuneRun run = sample::two_models();
  run.workloads.resize(1);
  TunedWorkload& tuned = run.workloads[0];
  tuned.environment.others = 125 * gibibyte;
  tuned.answer = answer(tuned.evidence, run.limits, tuned.environment, {64, Timing::graph, {}}, Done{""});
  const std::string table = render_table(report_of(run), {.width = 100});
  EXPECT_NE(table.find("nothing fits: batch 1 does not pass: memory 125.87 GiB > 125.83 GiB"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("free the 125 GiB that others hold"), std::string::npos) << table;
}

TEST(Table, a_run_without_workloads_is_a_heading_and_no_more) {
  EXPECT_NE(render_table(report_of(TuneRun{})).find("model"), std::string::npos);
}

/// The first model of a run, as if it were a language model's pass of that mode.
TunedWorkload language_model(const std::string& mode, const std::map<std::string, std::int64_t>& shape) {
  TunedWorkload tuned = sample::two_models().workloads.front();
  tuned.subject->workload.mode = mode;
  tuned.subject->workload.shape = shape;
  return tuned;
}

TEST(Tokens, are_counted_by_what_an_item_is) {
  const auto rate = [](const TunedWorkload& tuned) { return *answer_figures(tuned).tokens; };
  const TunedWorkload prefill = language_model("prefill", {{"length", 512}});
  const double items = *answer_figures(prefill).throughput;
  EXPECT_DOUBLE_EQ(rate(prefill), 512 * items);
  EXPECT_DOUBLE_EQ(rate(language_model("decode", {{"length", 512}})), items);
  EXPECT_DOUBLE_EQ(rate(language_model("generate", {{"length", 512}, {"new", 128}})), 128 * items);
  EXPECT_FALSE(answer_figures(language_model("forward", {{"length", 512}})).tokens);
  EXPECT_FALSE(answer_figures(language_model("prefill", {})).tokens) << "of a length that is not known";
}

TEST(Tokens, have_a_column_where_there_is_a_language_model) {
  TuneRun run = sample::two_models();
  EXPECT_EQ(render_table(report_of(run), {.width = 160}).find("tokens/s"), std::string::npos);
  run.workloads.front() = language_model("decode", {{"length", 512}});
  EXPECT_NE(render_table(report_of(run), {.width = 160}).find("tokens/s"), std::string::npos);
}

TEST(Tokens, that_were_timed_tell_the_interval_between_two) {
  TunedWorkload tuned = language_model("generate", {{"length", 512}, {"new", 5}});
  const Batch best = tuned.answer.best->batch;
  EXPECT_FALSE(answer_figures(tuned).token_interval);
  Observation timed = *tuned.evidence.observation(best);
  timed.first_token_samples.assign(timed.samples.size(), *answer_figures(tuned).latency / 2);
  tuned.evidence.add(Record(timed));
  EXPECT_NEAR(*answer_figures(tuned).token_interval, *answer_figures(tuned).latency / 2 / 4, 1e-9);
}

}  // namespace
}  // namespace batchfit
