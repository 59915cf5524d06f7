#include "search/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/facts.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests
using testing::HasSubstr;

const Environment alone{100 * gibibyte, 0};

Record within(Batch batch) { return measured(batch).samples(5, 0.001); }
Record too_slow(Batch batch) { return measured(batch).samples(5, 0.003); }
Record too_large(Batch batch) { return measured(batch).own(95 * gibibyte); }
Record close_to_the_limit(Batch batch) { return measured(batch).samples(5, 0.00199); }

Answer answer_of(const std::vector<Record>& records, Batch max_batch = 64) {
  return answer(evidence_of(records), Limits{}, alone, {max_batch, Timing::graph, {}}, Done{"done"});
}

TEST(Answer, it_is_the_largest_passing_batch_whatever_order_the_records_came_in) {
  const Answer found = answer_of({within(1), too_slow(8), within(2), within(4), too_slow(5)});
  EXPECT_EQ(found.status, Status::found);
  EXPECT_EQ(found.batch(), 4);
  EXPECT_EQ(found.next->batch, 5);
  EXPECT_TRUE(found.neighbour_judged);
  EXPECT_EQ(found.limiter(), "latency");
  EXPECT_EQ(found.at_one.batch, 1);
  EXPECT_EQ(found.at_best.batch, 4);
  EXPECT_EQ(found.why, "done");
}

TEST(Answer, a_larger_batch_that_passes_beats_a_smaller_one_that_fails) {
  const Answer found = answer_of({within(1), too_slow(2), within(3), too_slow(4)});
  EXPECT_EQ(found.batch(), 3);
  EXPECT_EQ(found.next->batch, 4);
  EXPECT_TRUE(found.undecided.empty());
}

TEST(Answer, it_says_what_keeps_the_batch_from_being_larger) {
  EXPECT_EQ(answer_of({within(1), too_large(2)}).limiter(), "memory");
  EXPECT_EQ(answer_of({within(1), out_of_memory(2)}).limiter(), "out of memory");
  EXPECT_EQ(answer_of({within(1), failed(2)}).limiter(), "it raised");
  EXPECT_EQ(answer_of({within(1), within(4)}, 4).limiter(), "max batch");
  EXPECT_EQ(answer_of({within(1), within(4)}).limiter(), "not proven further");
  EXPECT_THAT(answer_of({within(1), fault_of(2), fault_of(2), fault_of(2)}).limiter(),
              HasSubstr("failed 3 times"));
}

TEST(Answer, a_gap_to_the_next_batch_is_not_called_proven) {
  EXPECT_FALSE(answer_of({within(1), too_slow(3)}).neighbour_judged);
  EXPECT_FALSE(answer_of({within(1), close_to_the_limit(2)}).neighbour_judged)
      << "its comparison is still to come";
}

TEST(Answer, batches_that_the_noise_left_open_do_not_pass_and_are_listed) {
  const Answer found = answer_of({measured(1).samples(5, 1), measured(2).samples(5, 1.99),
                                  Record(test::compared(2, 128, 128)), measured(3).samples(5, 3)});
  EXPECT_EQ(found.batch(), 1);
  ASSERT_EQ(found.undecided.size(), 1U);
  EXPECT_EQ(found.undecided[0].batch, 2);
  EXPECT_TRUE(found.neighbour_judged);
  EXPECT_EQ(found.limiter(), "latency");
}

TEST(Answer, batches_beyond_the_maximum_do_not_count_though_they_are_known) {
  EXPECT_EQ(answer_of({within(1), within(8)}, 4).batch(), 1);
}

TEST(Answer, nothing_fits_where_batch_1_breaks_a_limit) {
  for (const Record& one : {too_large(1), Record(out_of_memory(1))}) {
    const Answer none = answer_of({one});
    EXPECT_EQ(none.status, Status::nothing_fits);
    EXPECT_FALSE(none.batch());
    ASSERT_TRUE(none.next);
    EXPECT_EQ(none.next->batch, 1);
  }
  EXPECT_EQ(answer_of({too_large(1)}).limiter(), "memory limit");
}

TEST(Answer, a_worker_or_model_that_fails_on_batch_1_is_told_from_one_that_does_not_fit) {
  EXPECT_EQ(answer_of({}).status, Status::failed);
  const Answer raised = answer_of({failed(1)});
  EXPECT_EQ(raised.status, Status::failed);
  EXPECT_EQ(raised.why, "it raised");
  const Answer crashed = answer_of({fault_of(1), fault_of(1), fault_of(1)});
  EXPECT_EQ(crashed.status, Status::failed);
  EXPECT_THAT(crashed.why, HasSubstr("it crashed"));
}

TEST(Answer, not_even_batch_1_decided_is_a_status_of_its_own) {
  const Limits bound{MemoryShare{}, LatencyBound{0.001}};
  std::vector<Seconds> balanced;
  for (int i = 0; i < 256; ++i) balanced.push_back(i % 2 == 0 ? 0.00099 : 0.00101);
  const Answer open =
      answer(evidence_of({measured(1).samples(balanced)}), bound, alone, {64, Timing::graph, {}}, {});
  EXPECT_EQ(open.status, Status::undecided);
}

TEST(Strategies, a_slip_in_a_name_finds_the_one_that_was_meant) {
  const auto strategy = make_strategy("binry", {});
  ASSERT_FALSE(strategy);
  EXPECT_EQ(strategy.error().kind, ErrorKind::usage);
  EXPECT_EQ(strategy.error().remedy, "use binary");
  for (const std::string& name : strategy_names()) {
    EXPECT_TRUE(make_strategy(name, {}));
    EXPECT_GE(default_max_batch(name), 64);
  }
}

}  // namespace
}  // namespace batchfit
