#include <gtest/gtest.h>

#include "base/units.h"
#include "report/csv_export.h"
#include "report/json_export.h"
#include "report/markdown_export.h"
#include "report/wording.h"
#include "sample_runs.h"

// The exports say the same: CSV and Markdown are parsed back and held against the JSON.

namespace batchfit {
namespace {

using Row = std::vector<std::string>;

/// A small RFC 4180 reader, independent of the writer.
std::vector<Row> parse_csv(const std::string& text) {
  std::vector<Row> rows{{""}};
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    std::string& cell = rows.back().back();
    if (quoted) {
      const bool twice = c == '"' && i + 1 < text.size() && text[i + 1] == '"';
      if (c == '"' && !twice) quoted = false;
      if (c != '"' || twice) cell += c;
      if (twice) ++i;
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      rows.back().emplace_back();
    } else if (c == '\n') {
      rows.push_back({""});
    } else {
      cell += c;
    }
  }
  rows.pop_back();
  return rows;
}

/// The cells of every row of a Markdown table whose first heading is `first`.
std::vector<Row> parse_markdown(const std::string& text, const std::string& first) {
  std::vector<Row> rows;
  bool inside = false;
  std::size_t from = 0;
  for (std::size_t end; (end = text.find('\n', from)) != std::string::npos; from = end + 1) {
    const std::string line = text.substr(from, end - from);
    if (!line.starts_with("| ")) inside = false;
    if (line.starts_with("| " + first + " |")) inside = true;
    if (!inside || line.starts_with("| " + first + " |") || line.starts_with("| ---")) continue;
    Row cells;
    std::size_t at = 2;
    for (std::size_t stop; (stop = line.find(" |", at)) != std::string::npos; at = stop + 3) {
      cells.push_back(line.substr(at, stop - at));
    }
    rows.push_back(std::move(cells));
  }
  return rows;
}

std::vector<TuneRun> runs() {
  return {sample::two_models(), sample::mixed(), sample::on_a_cpu(), sample::many_lengths(),
          sample::language_models()};
}

/// Checks that the cell is the JSON's field as text, and empty where the field is absent.
void expect_same(const std::string& cell, const Json& json, const char* field) {
  if (!json.contains(field)) {
    EXPECT_EQ(cell, "") << field;
  } else {
    EXPECT_EQ(Json::parse(cell, nullptr, false), json[field]) << field;
  }
}

/// Holds the rows of the inputs that were not tuned against the JSON's; returns how many they are.
std::size_t inputs_in(const Json& workload, const std::vector<Row>& rows, std::size_t first,
                      std::map<std::string, std::size_t>& column) {
  std::size_t r = first;
  for (const Json& point : workload.value("distribution", Json::object()).value("points", Json::array())) {
    if (point["shape"] == workload["subject"]["workload"]["shape"]) continue;
    const Row& row = rows.at(r++);
    EXPECT_EQ(row[column["answer"]], "input");
    EXPECT_EQ(row[column["shape"]], "length=" + point["shape"]["length"].dump());
    for (const char* field : {"batch", "latency_s", "own_memory_bytes", "throughput_per_s", "weight"})
      expect_same(row[column[field]], point, field);
  }
  return r - first;
}

TEST(Exports, every_number_of_the_csv_is_the_jsons) {
  for (const TuneRun& run : runs()) {
    const Json json = Json::parse(export_json(run, report_of(run)));
    const std::vector<Row> rows = parse_csv(export_csv(report_of(run)));
    std::map<std::string, std::size_t> column;
    for (std::size_t c = 0; c < rows[0].size(); ++c) column[rows[0][c]] = c;
    std::size_t r = 1;
    for (const Json& workload : json["workloads"]) {
      Json batches = workload["batches"];
      if (batches.empty()) batches.push_back(Json::object());
      for (const Json& batch : batches) {
        ASSERT_LT(r, rows.size());
        ASSERT_EQ(rows[r].size(), rows[0].size());
        for (const char* field : {"batch", "samples", "latency_s", "latency_min_s", "latency_max_s",
                                  "first_token_s", "throughput_per_s", "tokens_per_s", "own_memory_bytes",
                                  "allocated_peak_bytes", "reserved_peak_bytes", "faults"}) {
          expect_same(rows[r][column[field]], batch, field);
        }
        EXPECT_EQ(rows[r][column["status"]], workload["status"]);
        EXPECT_EQ(rows[r][column["key"]], workload.value("key", ""));
        const bool best = workload.contains("answer") && workload["answer"].contains("batch") &&
                          workload["answer"]["batch"] == batch["batch"];
        EXPECT_EQ(rows[r][column["answer"]] == "best", best);
        if (best)
          expect_same(rows[r][column["mixed_per_s"]], workload.value("distribution", Json::object()),
                      "throughput_per_s");
        ++r;
      }
      r += inputs_in(workload, rows, r, column);
    }
    EXPECT_EQ(r, rows.size());
  }
}

template <class T, class Form>
std::string text_of(const Json& json, const char* field, Form form) {
  return json.contains(field) ? form(json[field].get<T>()) : unknown_text;
}

TEST(Exports, every_number_of_the_markdown_is_the_jsons) {
  for (const TuneRun& run : runs()) {
    const Json json = Json::parse(export_json(run, report_of(run)));
    const std::string markdown = export_markdown(report_of(run));
    const std::vector<Row> answers = parse_markdown(markdown, "model");
    const std::vector<Row> batches = parse_markdown(markdown, "batch");
    ASSERT_EQ(answers.size(), json["workloads"].size());
    std::size_t next_batch = 0;
    for (std::size_t w = 0; w < answers.size(); ++w) {
      const Json& workload = json["workloads"][w];
      const Json answer = workload.value("answer", Json::object());
      Row expected{text_of<Batch>(answer, "batch", count_text),
                   text_of<Seconds>(answer, "latency_s", format_seconds),
                   text_of<double>(answer, "latency_share", share_text),
                   text_of<Bytes>(answer, "memory_bytes", format_bytes),
                   text_of<double>(answer, "memory_share", share_text),
                   text_of<double>(answer, "throughput_per_s", throughput_text)};
      if (tells_tokens(report_of(run))) {
        expected.push_back(text_of<double>(answer, "tokens_per_s", throughput_text));
        expected.push_back(markdown_text(text_of<double>(answer, "usd_per_million_tokens", usd_text)));
      }
      expected.insert(expected.end(), {text_of<double>(answer, "speed_up", ratio_text),
                                       count_text(workload["probes"]), format_seconds(workload["seconds"])});
      const Row& row = answers[w];
      EXPECT_EQ(Row(row.begin() + 1, row.end() - 1), expected);
      for (const Json& batch : workload["batches"]) {
        ASSERT_LT(next_batch, batches.size());
        const Row& cells = batches[next_batch++];
        EXPECT_EQ(cells[0], count_text(batch["batch"]));
        EXPECT_EQ(Row(cells.begin() + 2, cells.end()),
                  (Row{text_of<Seconds>(batch, "latency_s", format_seconds),
                       text_of<Seconds>(batch, "latency_min_s", format_seconds),
                       text_of<Seconds>(batch, "latency_max_s", format_seconds),
                       text_of<std::int64_t>(batch, "samples", count_text),
                       text_of<double>(batch, "throughput_per_s", throughput_text),
                       text_of<Bytes>(batch, "own_memory_bytes", format_bytes),
                       text_of<Bytes>(batch, "allocated_peak_bytes", format_bytes),
                       text_of<Bytes>(batch, "reserved_peak_bytes", format_bytes)}));
      }
    }
    EXPECT_EQ(next_batch, batches.size());
  }
}

TEST(Exports, the_records_of_the_json_are_the_evidence) {
  const TuneRun run = sample::mixed();
  const Json json = Json::parse(export_json(run, report_of(run)));
  for (std::size_t w = 0; w < run.workloads.size(); ++w) {
    Evidence evidence;
    for (const Json& record : json["workloads"][w]["records"]) evidence.add(record_from_json(record).value());
    const auto expected = run.workloads[w].evidence.records();
    EXPECT_TRUE(
        std::equal(evidence.records().begin(), evidence.records().end(), expected.begin(), expected.end()));
  }
}

TEST(Exports, the_json_says_its_format_and_version) {
  const Json json = results_json(report_of(sample::on_a_cpu()));
  EXPECT_EQ(json["format"], "batchfit-results");
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(Json::parse(export_json(report_of(sample::on_a_cpu()))), json);
}

TEST(Exports, what_is_unknown_is_absent_from_the_json) {
  const Json json = results_json(report_of(sample::mixed()));
  const Json& failed = json["workloads"][3];
  EXPECT_EQ(failed["status"], "failed");
  EXPECT_FALSE(failed.contains("subject"));
  EXPECT_FALSE(failed.contains("answer"));
  EXPECT_TRUE(failed["batches"].empty());
  const Json& no_room = json["workloads"][0]["batches"].back();
  EXPECT_EQ(no_room["outcome"], "out_of_memory");
  EXPECT_FALSE(no_room.contains("latency_s"));
  EXPECT_FALSE(no_room.contains("own_memory_bytes"));
}

TEST(Exports, traces_stay_in_the_journal) {
  TuneRun run = sample::on_a_cpu();
  run.workloads[0].evidence.add(AllocationTrace{});
  EXPECT_EQ(results_json(report_of(run)), results_json(report_of(sample::on_a_cpu())));
}

TEST(Exports, a_batch_that_thrashes_the_allocator_is_marked) {
  TuneRun run = sample::on_a_cpu();
  Observation thrashing = *run.workloads[0].evidence.observation(2);
  thrashing.alloc_retries = 3;
  run.workloads[0].evidence.add(thrashing);
  const Json batch = results_json(report_of(run))["workloads"][0]["batches"].back();
  EXPECT_EQ(batch["outcome"], "measured");
  EXPECT_EQ(batch["reason"], "the allocator had to release its cache 3 times");
}

TEST(Exports, a_csv_row_stays_on_its_line) {
  const std::string csv = export_csv(report_of(sample::mixed()));
  const auto lines = static_cast<std::size_t>(std::count(csv.begin(), csv.end(), '\n'));
  EXPECT_EQ(parse_csv(csv).size(), lines);
}

}  // namespace
}  // namespace batchfit
