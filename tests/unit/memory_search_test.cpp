// Searches under a memory limit alone, on curves of memory as an H100 gave them.
#include <gtest/gtest.h>

#include "search/answer.h"
#include "search/strategy.h"
#include "support/recorded_device.h"

namespace batchfit {
namespace {

using test::RecordedDevice;

const Environment alone{80 * gibibyte, 0};

struct Search {
  Answer answer;
  std::vector<Batch> ran;
  std::vector<Batch> rehearsed;
};

struct HowToSearch {
  bool strict = false;
  bool with_traces = true;
  bool rehearses = false;
};

/// What a rehearsal tells of a record of the batch.
Record rehearsal_of(Record record) {
  if (auto* seen = std::get_if<Observation>(&record)) {
    seen->outcome = Outcome::rehearsed;
    seen->samples.clear();
  }
  return record;
}

Search search(const RecordedDevice& device, std::string_view strategy, Bytes limit,
              const HowToSearch& how = {}) {
  const Limits limits{OwnMemory{limit}, NoLimit{}};
  SearchSpace space{device.largest(), Timing::graph, {}};
  space.strict = how.strict;
  const Strategy next = make_strategy(strategy, space).value();
  Search out;
  Evidence evidence;
  for (;;) {
    const Step step = next(evidence, limits, alone);
    if (const auto* done = std::get_if<Done>(&step)) {
      out.answer = answer(evidence, limits, alone, space, *done);
      return out;
    }
    const auto& asked = std::get<Measure>(std::get<Probe>(step));
    const bool rehearses = how.rehearses && asked.rehearse;
    (rehearses ? out.rehearsed : out.ran).push_back(asked.batch);
    for (Record& record : device.measure(asked.batch)) {
      if (!how.with_traces && std::holds_alternative<AllocationTrace>(record)) continue;
      evidence.add(rehearses ? rehearsal_of(std::move(record)) : std::move(record));
    }
  }
}

class MemorySearch : public testing::TestWithParam<const char*> {
 protected:
  const RecordedDevice device{std::filesystem::path(BATCHFIT_TEST_DATA) / "journals" / GetParam()};
  const std::vector<double> limits_gib{1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 12, 16, 20, 32};

  /// Those limits that lie between two recorded batches.
  std::vector<Bytes> limits() const {
    std::vector<Bytes> within;
    for (const double gib : limits_gib) {
      const auto limit = static_cast<Bytes>(gib * static_cast<double>(gibibyte));
      if (device.own(1) <= limit && device.own(device.largest()) > limit) within.push_back(limit);
    }
    return within;
  }
};

TEST_P(MemorySearch, finds_the_largest_batch_within_any_limit_though_memory_is_not_monotone) {
  std::size_t guided = 0;
  std::size_t exponential = 0;
  for (const Bytes limit : limits()) {
    const Search found = search(device, "guided", limit);
    EXPECT_EQ(found.answer.batch(), device.largest_within(limit)) << format_bytes(limit);
    guided += found.ran.size();
    exponential += search(device, "exponential", limit).ran.size();
  }
  EXPECT_LT(guided, 0.7 * static_cast<double>(exponential));
}

TEST_P(MemorySearch, goes_no_further_than_four_times_the_largest_batch_that_ran) {
  for (const Bytes limit : limits()) {
    Batch largest = 1;
    for (const Batch batch : search(device, "guided", limit).ran) {
      EXPECT_LE(batch, 4 * largest);
      largest = std::max(largest, batch);
    }
  }
}

TEST_P(MemorySearch, without_traces_takes_smaller_steps_and_never_answers_what_does_not_fit) {
  for (const Bytes limit : limits()) {
    const Search found = search(device, "guided", limit, {.with_traces = false});
    ASSERT_TRUE(found.answer.batch());
    EXPECT_LE(device.own(*found.answer.batch()), limit);
    EXPECT_LE(found.ran.size(), search(device, "exponential", limit).ran.size() + 4);
    Batch largest = 1;
    for (const Batch batch : found.ran) {
      EXPECT_LE(batch, 2 * largest);
      largest = std::max(largest, batch);
    }
  }
}

TEST_P(MemorySearch, under_a_cap_the_answer_runs_and_the_batch_beyond_it_does_not) {
  for (const Bytes limit : limits()) {
    if (limit < 5 * gibibyte || limit > 18 * gibibyte) continue;  // where no library changes its mind
    const Search found = search(device, "guided", limit, {.strict = true});
    const Batch truth = device.largest_within(limit);
    EXPECT_EQ(found.answer.batch(), truth) << format_bytes(limit);
    for (const Batch batch : found.ran) EXPECT_LE(device.own(batch), limit) << batch;
  }
}

TEST_P(MemorySearch, runs_the_answer_alone_where_batches_can_be_rehearsed) {
  for (const Bytes limit : limits()) {
    const Search found = search(device, "guided", limit, {.rehearses = true});
    const Batch truth = device.largest_within(limit);
    EXPECT_EQ(found.answer.batch(), truth) << format_bytes(limit);
    EXPECT_EQ(found.ran, (std::vector<Batch>{1, truth})) << format_bytes(limit);
    EXPECT_TRUE(found.answer.neighbour_judged) << format_bytes(limit);
  }
}

TEST(MemorySearchAmongWorkspaces, finds_the_largest_batch_where_a_library_needs_them_at_some_batches_alone) {
  for (const Batch workspaces_at : {2, 3, 8, 64}) {
    const RecordedDevice device(
        std::filesystem::path(BATCHFIT_TEST_DATA) / "journals/h100-resnet50-fp32-graph.jsonl.gz",
        workspaces_at);
    for (const double gib : {2.0, 3.0, 4.0, 8.0}) {
      const auto limit = static_cast<Bytes>(gib * static_cast<double>(gibibyte));
      for (const bool rehearses : {false, true}) {
        EXPECT_EQ(search(device, "guided", limit, {.rehearses = rehearses}).answer.batch(),
                  device.largest_within(limit))
            << gib << " GiB, at multiples of " << workspaces_at;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OnAnH100, MemorySearch,
                         testing::Values("h100-resnet50-fp32-graph.jsonl.gz",
                                         "h100-resnet50-fp16-graph.jsonl.gz",
                                         "h100-resnet50-fp16-cl-graph.jsonl.gz",
                                         "h100-vit_b_16-fp32-graph.jsonl.gz",
                                         "h100-vit_b_16-fp16-graph.jsonl.gz"));

}  // namespace
}  // namespace batchfit
