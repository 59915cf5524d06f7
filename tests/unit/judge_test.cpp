#include "judge/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "judge/drift.h"
#include "judge/sign_test.h"
#include "support/facts.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests
using testing::HasSubstr;

const Environment alone{100 * gibibyte, 0};
const Limits twice;  // 90 % of the device, 2x
const Limits any_latency{MemoryShare{}, NoLimit{}};

Ruling ruling_of(const std::vector<Record>& records, Batch batch, const Limits& limits = twice,
                 const Environment& environment = alone, Timing timing = Timing::graph) {
  JudgeRules rules;
  rules.most_pair_seconds = 1e9;  // the passes of these tests take seconds
  return judge(evidence_of(records), batch, limits, environment, timing, rules);
}

std::vector<Record> timed(Seconds at_one, Seconds at_eight) {
  return {measured(1).samples(5, at_one), measured(8).samples(5, at_eight)};
}

TEST(Judge, what_was_not_measured_is_asked_for) {
  EXPECT_EQ(ruling_of({}, 8).wants, Probe(Measure{8}));
  EXPECT_EQ(ruling_of({measured(8)}, 8).wants, Probe(Measure{1})) << "a ratio needs batch 1";
}

TEST(Judge, a_rehearsal_shows_what_memory_forbids_and_nothing_else) {
  const Limits half_a_gibibyte{OwnMemory{gibibyte / 2}, NoLimit{}};
  const Ruling beyond = ruling_of({measured(1), rehearsed(8)}, 8, half_a_gibibyte);
  EXPECT_EQ(beyond.verdict, Verdict::fail);
  EXPECT_FALSE(beyond.wants);
  EXPECT_EQ(beyond.why, "memory limit");
  const Ruling within = ruling_of({measured(1), rehearsed(8)}, 8, any_latency);
  EXPECT_EQ(within.verdict, Verdict::undecided);
  EXPECT_EQ(within.wants, Probe(Measure{8})) << "what is answered was run";
}

TEST(Judge, a_run_counts_for_more_than_a_rehearsal_whichever_came_first) {
  const Limits two{OwnMemory{2 * gibibyte}, NoLimit{}};
  const Record larger = rehearsed(8).own(3 * gibibyte);
  for (const auto& records :
       {std::vector<Record>{measured(8), larger}, std::vector<Record>{larger, measured(8)}}) {
    EXPECT_EQ(ruling_of(records, 8, two).verdict, Verdict::pass);
  }
}

TEST(Judge, a_batch_far_off_is_settled_without_comparisons) {
  const Ruling within = ruling_of(timed(1, 1.89), 8);
  EXPECT_EQ(within.verdict, Verdict::pass);
  EXPECT_FALSE(within.wants);
  EXPECT_NEAR(within.latency->margin(), 0.055, 1e-9);
  const Ruling beyond = ruling_of(timed(1, 2.11), 8);
  EXPECT_EQ(beyond.verdict, Verdict::fail);
  EXPECT_FALSE(beyond.wants);
  EXPECT_EQ(beyond.why, "latency limit");
}

TEST(Judge, an_eager_call_must_be_further_off_to_be_settled_alone) {
  EXPECT_TRUE(ruling_of(timed(1, 1.8), 8, twice, alone, Timing::eager).wants);
  EXPECT_EQ(ruling_of(timed(1, 1.5), 8, twice, alone, Timing::eager).verdict, Verdict::pass);
  EXPECT_EQ(ruling_of(timed(1, 2.7), 8, twice, alone, Timing::eager).verdict, Verdict::fail);
  const Limits bound{MemoryShare{}, LatencyBound{2}};
  EXPECT_TRUE(ruling_of(timed(1, 1.8), 8, bound, alone, Timing::eager).wants);
  EXPECT_EQ(ruling_of(timed(1, 1.5), 8, bound, alone, Timing::eager).verdict, Verdict::pass);
}

TEST(Judge, noisy_samples_settle_nothing_alone_however_far_off_their_median_is) {
  const Record one = measured(1).samples({1, 1.2, 0.8, 1.1, 0.9});
  const Ruling ruling = ruling_of({one, measured(8).samples({1.5, 1.8, 1.2, 1.4, 1.6})}, 8);
  EXPECT_EQ(ruling.verdict, Verdict::undecided);
  EXPECT_EQ(ruling.wants, Probe(Compare{1, 8, 8}));
}

TEST(Judge, too_few_samples_settle_nothing_alone) {
  EXPECT_TRUE(ruling_of({measured(1), measured(8).samples(4, 0.0001)}, 8).wants);
}

/// How many pairs are asked for in turn where `within` of ten fall below the limit.
std::vector<int> asked_for(std::vector<Record>& records, int within) {
  std::vector<int> asked;
  int pairs = 0;
  int passes = 0;
  for (Ruling ruling = ruling_of(records, 8); ruling.wants; ruling = ruling_of(records, 8)) {
    const Compare compare = std::get<Compare>(*ruling.wants);
    EXPECT_EQ(compare.reference, 1);
    EXPECT_EQ(compare.candidate, 8);
    asked.push_back(compare.pairs);
    pairs += compare.pairs;
    const int more = pairs * within / 10 - passes;
    passes += more;
    records.push_back(test::compared(8, more, compare.pairs - more));
    if (asked.size() > 100) break;
  }
  return asked;
}

TEST(Judge, a_batch_on_the_limit_is_given_up_when_the_cap_will_not_settle_it) {
  std::vector<Record> records = timed(1, 1.99);
  EXPECT_EQ(asked_for(records, 5), (std::vector<int>{8, 8, 16}));
  const Ruling ruling = ruling_of(records, 8);
  EXPECT_EQ(ruling.verdict, Verdict::undecided);
  EXPECT_FALSE(ruling.passes());
  EXPECT_EQ(ruling.latency->trials, 32);
  EXPECT_THAT(ruling.why, HasSubstr("too close"));
  EXPECT_NEAR(ruling.latency->margin(), 0, 0.002) << "it is reported with its margin";
}

TEST(Judge, a_close_batch_is_compared_until_its_rate_settles_it_and_no_further) {
  std::vector<Record> records = timed(1, 1.99);
  const std::vector<int> asked = asked_for(records, 7);
  EXPECT_EQ(ruling_of(records, 8).verdict, Verdict::pass);
  EXPECT_EQ(std::vector<int>(asked.begin(), asked.begin() + 3), (std::vector<int>{8, 8, 16}));
  const int pairs = ruling_of(records, 8).latency->trials;
  EXPECT_EQ(sign_test(pairs - asked.back(), (pairs - asked.back()) * 7 / 10, level_of_test(0.05, 1)),
            Verdict::undecided);
  EXPECT_LE(asked.back(), 32);
}

TEST(Judge, slow_passes_are_compared_for_a_few_seconds_only) {
  const auto asked_for = [](Seconds at_one, int pairs) {
    std::vector<Record> records = timed(at_one, 1.99 * at_one);
    if (pairs > 0) records.push_back(test::compared(8, pairs / 2, pairs / 2));
    const auto wants = judge(evidence_of(records), 8, twice, alone, Timing::graph).wants;
    return wants ? std::get<Compare>(*wants).pairs : 0;
  };
  EXPECT_EQ(asked_for(0.001, 8), 8);
  EXPECT_EQ(asked_for(0.1, 8), 5) << "13 pairs of 0.3 s take 4 s";
  EXPECT_EQ(asked_for(10, 0), 8) << "fewer could not settle anything";
  EXPECT_EQ(asked_for(10, 8), 0);
}

TEST(Judge, the_cap_holds_where_a_worker_brings_other_numbers_than_were_asked_for) {
  std::vector<Record> records = timed(1, 1.99);
  records.push_back(test::compared(8, 121, 79));
  EXPECT_EQ(ruling_of(records, 8).wants, Probe(Compare{1, 8, 34}));
  records.push_back(test::compared(8, 500, 500));
  EXPECT_FALSE(ruling_of(records, 8).wants);
}

TEST(Judge, pairs_settle_what_solo_samples_cannot) {
  std::vector<Record> records = timed(1, 2.02);
  records.push_back(test::compared(8, 16, 0));
  EXPECT_EQ(ruling_of(records, 8).verdict, Verdict::pass) << "pairs know better than samples of two probes";
  records.back() = test::compared(8, 0, 16);
  EXPECT_EQ(ruling_of(records, 8).verdict, Verdict::fail);
}

TEST(Judge, a_batch_measured_while_throttled_is_measured_again_and_then_judged_by_the_better_samples) {
  std::vector<Record> records{measured(1).samples(5, 1), measured(8).samples(5, 2.6).throttled()};
  EXPECT_EQ(ruling_of(records, 8).wants, Probe(Measure{8, 5}));
  records.push_back(measured(8).samples(5, 1.5));
  const Ruling ruling = ruling_of(records, 8);
  EXPECT_EQ(ruling.verdict, Verdict::pass);
  EXPECT_DOUBLE_EQ(ruling.latency->value, 1.5);
}

TEST(Judge, where_batch_1_drifted_a_batch_must_be_further_off_to_be_settled_alone) {
  std::vector<Record> records = timed(1, 1.85);
  ASSERT_EQ(ruling_of(records, 8).verdict, Verdict::pass);
  records.push_back(measured(1).samples(5, 1.01));
  EXPECT_EQ(ruling_of(records, 8).verdict, Verdict::pass) << "a drift that the rule allows for";
  records.push_back(measured(1).samples(5, 1.06));
  EXPECT_EQ(ruling_of(records, 8).wants, Probe(Compare{1, 8, 8}));
  EXPECT_NEAR(drift(evidence_of(records)).value(), 0.06, 1e-9);
  EXPECT_FALSE(drift(evidence_of(timed(1, 1))));
}

TEST(Judge, where_throttling_stays_pairs_decide_which_meet_it_alike) {
  std::vector<Record> records{measured(1).samples(5, 1)};
  for (int i = 0; i < 3; ++i) records.push_back(measured(8).samples(5, 2.6).throttled());
  EXPECT_EQ(ruling_of(records, 8).wants, Probe(Compare{1, 8, 8})) << "however far off the samples are";
}

TEST(Judge, a_batch_1_measured_while_throttled_is_measured_again_before_another_is_judged_by_it) {
  const std::vector<Record> records{measured(1).samples(5, 1).throttled(), measured(8).samples(5, 1.5)};
  EXPECT_EQ(ruling_of(records, 8).wants, Probe(Measure{1, 5}));
}

TEST(Judge,
     a_probe_during_which_another_process_took_memory_is_repeated_and_the_power_cap_is_no_disturbance) {
  Observation busy = measured(8).samples(5, 1.5);
  busy.conditions.others_before = 0;
  busy.conditions.others_after = gibibyte;
  EXPECT_EQ(ruling_of({measured(1).samples(5, 1), busy}, 8).wants, Probe(Measure{8, 5}));
  busy.conditions.others_before = gibibyte;
  busy.conditions.throttle_reasons = {"software power cap"};
  EXPECT_TRUE(ruling_of({measured(1).samples(5, 1), busy}, 8).passes());
}

TEST(Judge, each_compared_batch_has_a_smaller_share_of_alpha_and_keeps_it) {
  std::vector<Record> records = timed(1, 1.99);
  records.push_back(measured(9).samples(5, 1.99));
  records.push_back(test::compared(8, 8, 0));
  records.push_back(test::compared(9, 8, 0));
  EXPECT_EQ(ruling_of(records, 8).verdict, Verdict::pass);
  EXPECT_EQ(ruling_of(records, 9).verdict, Verdict::undecided)
      << "the second test has a quarter of the level";
  records.push_back(measured(4).samples(5, 1.99));
  records.push_back(test::compared(4, 8, 0));
  EXPECT_EQ(ruling_of(records, 8).verdict, Verdict::pass) << "a later test changed an earlier verdict";
}

TEST(Judge, batch_1_passes_its_own_ratio) {
  EXPECT_TRUE(ruling_of({measured(1).samples({1, 2, 1, 2, 1})}, 1).passes());
}

TEST(Judge, an_absolute_limit_is_settled_by_solo_samples) {
  const Limits bound{MemoryShare{}, LatencyBound{0.05}};
  EXPECT_EQ(ruling_of({measured(1).samples(5, 0.04)}, 1, bound).verdict, Verdict::pass);
  EXPECT_EQ(ruling_of({measured(1).samples(5, 0.06)}, 1, bound).verdict, Verdict::fail);
  EXPECT_EQ(ruling_of({measured(8).samples(5, 0.04)}, 8, bound).verdict, Verdict::pass)
      << "batch 1 is not needed";
  EXPECT_EQ(ruling_of({measured(1).samples(5, 0.0499)}, 1, bound).wants, Probe(Measure{1, 5}));
  EXPECT_EQ(ruling_of({measured(1).samples(20, 0.0499)}, 1, bound).verdict, Verdict::pass);
  EXPECT_EQ(ruling_of({measured(1).samples(20, 0.0501)}, 1, bound).verdict, Verdict::fail);
  std::vector<Seconds> balanced;
  for (int i = 0; i < 256; ++i) balanced.push_back(i % 2 == 0 ? 0.0499 : 0.0501);
  const Ruling open = ruling_of({measured(1).samples(balanced)}, 1, bound);
  EXPECT_EQ(open.verdict, Verdict::undecided);
  EXPECT_FALSE(open.wants);
}

TEST(Judge, measuring_a_smaller_batch_later_does_not_change_a_verdict_under_an_absolute_limit) {
  const Limits bound{MemoryShare{}, LatencyBound{0.05}};
  std::vector<Record> records{measured(8).samples(8, 0.0499)};
  ASSERT_EQ(ruling_of(records, 8, bound).verdict, Verdict::pass);
  for (const Batch batch : {1, 2, 3}) records.push_back(measured(batch));
  EXPECT_EQ(ruling_of(records, 8, bound).verdict, Verdict::pass);
}

TEST(Judge, a_share_of_the_device_counts_what_others_hold_and_an_amount_does_not) {
  const Record record = measured(1).own(60 * gibibyte);
  const Environment crowded{100 * gibibyte, 40 * gibibyte};
  EXPECT_TRUE(ruling_of({record}, 1, any_latency).passes());
  const Ruling ruling = ruling_of({record}, 1, any_latency, crowded);
  EXPECT_EQ(ruling.verdict, Verdict::fail);
  EXPECT_EQ(ruling.why, "memory limit");
  EXPECT_FALSE(ruling.wants) << "a fact about memory is not measured again";
  EXPECT_DOUBLE_EQ(ruling.memory->value, 100.0 * gibibyte);
  EXPECT_DOUBLE_EQ(ruling.memory->limit, 90.0 * gibibyte);
  const Limits own{OwnMemory{60 * gibibyte}, NoLimit{}};
  EXPECT_TRUE(ruling_of({record}, 1, own, crowded).passes()) << "the limit itself is inside";
  EXPECT_FALSE(ruling_of({record}, 1, {OwnMemory{60 * gibibyte - 1}, NoLimit{}}, crowded).passes());
}

TEST(Judge, what_others_hold_beyond_the_limit_leaves_the_limit_as_it_is) {
  const Ruling ruling = ruling_of({measured(1)}, 1, any_latency, {100 * gibibyte, 95 * gibibyte});
  EXPECT_EQ(ruling.verdict, Verdict::fail);
  EXPECT_DOUBLE_EQ(ruling.memory->limit, 90.0 * gibibyte);
}

TEST(Judge, memory_that_nobody_knows_is_said_to_be_unknown) {
  Observation observation = measured(1);
  observation.memory = {};
  const Ruling ruling = ruling_of({observation}, 1);
  EXPECT_FALSE(ruling.memory);
  EXPECT_THAT(ruling.why, HasSubstr("memory it takes is not known"));
}

TEST(Judge, a_batch_beyond_the_memory_limit_needs_no_comparison) {
  const Ruling ruling =
      ruling_of({measured(1).samples(5, 1), measured(8).samples(5, 1.99).own(95 * gibibyte)}, 8);
  EXPECT_EQ(ruling.verdict, Verdict::fail);
  EXPECT_FALSE(ruling.wants);
}

TEST(Judge, an_out_of_memory_stands_where_its_cap_was_no_tighter_than_the_limit) {
  for (const Record& record : {Record(out_of_memory(8).cap(90 * gibibyte)), Record(out_of_memory(8))}) {
    const Ruling ruling = ruling_of({measured(1), record}, 8);
    EXPECT_EQ(ruling.verdict, Verdict::fail);
    EXPECT_FALSE(ruling.wants);
    EXPECT_EQ(ruling.why, "out of memory");
  }
}

TEST(Judge, an_out_of_memory_under_a_tighter_cap_is_tried_once_more) {
  const Record tight = out_of_memory(8).cap(20 * gibibyte);
  EXPECT_EQ(ruling_of({tight}, 8).wants, Probe(Measure{8}));
  EXPECT_EQ(ruling_of({tight, tight}, 8).verdict, Verdict::fail);
  EXPECT_FALSE(ruling_of({tight}, 8, twice, {100 * gibibyte, 75 * gibibyte}).wants) << "others leave no more";
  EXPECT_TRUE(ruling_of({measured(1), tight, measured(8)}, 8).passes());
}

TEST(Judge, out_of_memory_on_a_crowded_device_does_not_stand_for_ever) {
  const std::vector<Record> records{out_of_memory(8).cap(10 * gibibyte), out_of_memory(8).cap(40 * gibibyte)};
  EXPECT_EQ(ruling_of(records, 8).wants, Probe(Measure{8})) << "the device is free now";
}

TEST(Judge, tries_under_caps_that_creep_upwards_come_to_an_end) {
  std::vector<Record> records;
  Bytes cap = gibibyte;
  while (ruling_of(records, 8).wants) {
    records.push_back(out_of_memory(8).cap(cap += mebibyte));
    ASSERT_LT(records.size(), 10U);
  }
  EXPECT_EQ(ruling_of(records, 8).verdict, Verdict::fail);
}

TEST(Judge, a_batch_is_given_up_after_three_faults_in_a_row) {
  std::vector<Record> records{measured(1)};
  for (int faults = 0; faults < 3; ++faults) {
    EXPECT_EQ(ruling_of(records, 8).wants, Probe(Measure{8})) << faults;
    records.push_back(fault_of(8));
  }
  const Ruling ruling = ruling_of(records, 8);
  EXPECT_EQ(ruling.verdict, Verdict::undecided);
  EXPECT_FALSE(ruling.wants);
  EXPECT_THAT(ruling.why, HasSubstr("failed 3 times"));
  EXPECT_THAT(ruling.why, HasSubstr("it crashed"));
  EXPECT_TRUE(ruling_of(records, 4).wants) << "another batch has its own tries";
}

TEST(Judge, a_success_between_faults_starts_the_count_again) {
  const std::vector<Record> records{measured(1).samples(5, 1),    fault_of(8), fault_of(8),
                                    measured(8).samples(5, 1.99), fault_of(8), fault_of(8)};
  EXPECT_EQ(ruling_of(records, 8).wants, Probe(Compare{1, 8, 8}));
}

TEST(Judge, faults_do_not_hide_what_was_measured_before_them) {
  const std::vector<Record> records{measured(1).samples(5, 1), measured(8).samples(5, 1.99), fault_of(8),
                                    fault_of(8), fault_of(8)};
  const Ruling close = ruling_of(records, 8);
  EXPECT_EQ(close.verdict, Verdict::undecided);
  EXPECT_FALSE(close.wants);
  EXPECT_THAT(close.why, HasSubstr("failed 3 times"));
  EXPECT_TRUE(ruling_of(records, 8, any_latency).passes()) << "under other limits the records suffice";
}

TEST(Judge, a_pass_that_raised_fails_with_its_reason) {
  const Ruling ruling = ruling_of({measured(1), failed(8)}, 8);
  EXPECT_EQ(ruling.verdict, Verdict::fail);
  EXPECT_FALSE(ruling.wants);
  EXPECT_EQ(ruling.why, "it raised");
}

TEST(Judge, nothing_is_asked_for_again_that_failed_when_it_was) {
  const Limits bound{MemoryShare{}, LatencyBound{0.001}};
  const std::vector<Record> measured_then_failed{measured(8).samples({.0009, .0011, .0009, .0011}),
                                                 failed(8)};
  EXPECT_FALSE(ruling_of(measured_then_failed, 8, bound).wants);
  EXPECT_FALSE(ruling_of({out_of_memory(8).cap(1), failed(8)}, 8).wants);
}

TEST(Judge, a_reference_that_cannot_be_had_is_not_asked_for_without_end) {
  const std::vector<std::vector<Record>> lost{
      {failed(1)}, {out_of_memory(1)}, {fault_of(1), fault_of(1), fault_of(1)}};
  for (std::vector<Record> records : lost) {
    records.push_back(measured(8));
    const Ruling ruling = ruling_of(records, 8);
    EXPECT_EQ(ruling.verdict, Verdict::undecided);
    EXPECT_FALSE(ruling.wants);
  }
}

TEST(Limits, they_are_read_as_people_write_them_and_refused_with_a_remedy) {
  EXPECT_EQ(parse_memory_limit("90%").value(), (std::variant<MemoryShare, OwnMemory>(MemoryShare{0.9})));
  EXPECT_EQ(parse_memory_limit("8GiB").value(),
            (std::variant<MemoryShare, OwnMemory>(OwnMemory{8 * gibibyte})));
  for (const char* bad : {"", "%", "0%", "101%", "-5%", "nan%", "0", "0GiB", "8 bananas", "inf%"}) {
    const auto limit = parse_memory_limit(bad);
    ASSERT_FALSE(limit) << bad;
    EXPECT_EQ(limit.error().kind, ErrorKind::usage);
    EXPECT_FALSE(limit.error().remedy.empty());
  }
  EXPECT_EQ(std::get<LatencyRatio>(parse_latency_limit("1.5x").value()).ratio, 1.5);
  EXPECT_EQ(std::get<LatencyBound>(parse_latency_limit("50ms").value()).seconds, 0.05);
  EXPECT_TRUE(std::holds_alternative<NoLimit>(parse_latency_limit("none").value()));
  EXPECT_EQ(parse_percentile("95"), 95);
  EXPECT_EQ(parse_percentile("p99.9"), 99.9);
  for (const char* bad : {"", "p", "49", "100", "nan", "95%"}) EXPECT_FALSE(parse_percentile(bad)) << bad;
  for (const char* bad : {"", "x", "0.9x", "nanx", "50", "-1ms", "0ms", "two"}) {
    const auto limit = parse_latency_limit(bad);
    ASSERT_FALSE(limit) << bad;
    EXPECT_FALSE(limit.error().remedy.empty());
  }
}

}  // namespace
}  // namespace batchfit
