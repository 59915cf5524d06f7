#include "search/objective.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "search/answer.h"
#include "search/relaxation.h"
#include "support/facts.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Environment alone{100 * gibibyte, 0};

Candidate candidate(Batch batch, Seconds latency, Bytes memory = gibibyte) {
  Candidate out;
  out.batch = batch;
  out.latency = latency;
  out.own_memory = memory;
  return out;
}

Candidate with_energy(Candidate out, double joules) {
  out.energy_j = joules;
  return out;
}

Batch chosen(const std::vector<Candidate>& candidates, const Objective& objective) {
  return choose(candidates, objective, Timing::graph)->batch;
}

TEST(Objective, each_goal_has_its_own_best_batch) {
  const std::vector<Candidate> candidates{with_energy(candidate(1, 0.0010, 1 * gibibyte), 1.0),
                                          with_energy(candidate(4, 0.0014, 2 * gibibyte), 1.2),
                                          with_energy(candidate(8, 0.0020, 4 * gibibyte), 3.2),
                                          with_energy(candidate(16, 0.0041, 9 * gibibyte), 7.0)};
  EXPECT_EQ(chosen(candidates, {Goal::largest, {}}), 16);
  EXPECT_EQ(chosen(candidates, {Goal::throughput, {}}), 8);
  EXPECT_EQ(chosen(candidates, {Goal::cost, {}}), 8);
  EXPECT_EQ(chosen(candidates, {Goal::energy, {}}), 4);
  EXPECT_EQ(chosen(candidates, {Goal::balanced, {0, 1, 0, 0}}), 1) << "latency alone";
  EXPECT_EQ(chosen(candidates, {Goal::balanced, {1, 0, 0, 0}}), 8) << "throughput alone";
}

TEST(Objective, a_compromise_is_the_weighted_geometric_mean_of_shares_of_the_best) {
  const Candidate one = candidate(1, 0.001, gibibyte);
  const Candidate four = candidate(4, 0.002, 3 * gibibyte);
  // Batch 1 has (1/2, 1, 1), batch 4 has (1, 1/2, 1/3): equal where 2^w1 = 2^w2 * 3^w3.
  const double tie = std::log(3) / std::log(2);
  EXPECT_EQ(chosen({one, four}, {Goal::balanced, {1 + tie + 0.1, 1, 1, 0}}), 4);
  EXPECT_EQ(chosen({one, four}, {Goal::balanced, {1 + tie - 0.1, 1, 1, 0}}), 1);
}

TEST(Objective, within_the_noise_the_smaller_batch_is_preferred_and_the_tie_is_told) {
  const auto choice = choose({candidate(1, 0.001), candidate(8, 0.002), candidate(16, 0.00399)},
                             {Goal::throughput, {}}, Timing::graph);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->top, 16);
  EXPECT_EQ(choice->batch, 8);
  ASSERT_EQ(choice->near_ties.size(), 1U);
  EXPECT_NEAR(choice->near_ties.front().behind, 1 - 3.99 / 4, 1e-9);
  const auto apart = choose({candidate(1, 0.001), candidate(8, 0.002), candidate(16, 0.0039)},
                            {Goal::throughput, {}}, Timing::graph);
  EXPECT_EQ(apart->batch, 16);
  EXPECT_THAT(apart->near_ties, IsEmpty());
}

TEST(Objective, noisier_samples_make_more_ties) {
  Candidate eight = candidate(8, 0.002);
  eight.latency_error = 0.02;
  EXPECT_EQ(chosen({eight, candidate(16, 0.0039)}, {Goal::throughput, {}}), 8);
}

TEST(Objective, energy_that_was_not_told_chooses_nothing) {
  EXPECT_FALSE(choose({candidate(1, 0.001)}, {Goal::energy, {}}, Timing::graph));
  EXPECT_FALSE(choose({candidate(1, 0.001)}, {Goal::balanced, {1, 1, 1, 1}}, Timing::graph));
  EXPECT_FALSE(choose({}, {}, Timing::graph));
}

TEST(Objective, the_front_leaves_out_what_another_batch_beats_and_the_knee_is_where_it_bends) {
  const std::vector<Candidate> candidates{candidate(1, 0.0010), candidate(2, 0.0011), candidate(4, 0.0012),
                                          candidate(8, 0.0022), candidate(9, 0.0030), candidate(16, 0.0042)};
  const auto front = pareto_front(candidates);
  EXPECT_THAT(front, ElementsAre(1, 2, 4, 8, 16)) << "9 is slower than 8 and processes fewer a second";
  EXPECT_EQ(knee(candidates, front), 4);
  EXPECT_EQ(knee(candidates, {1, 16}), std::nullopt);
}

TEST(Objective, the_grid_has_two_batches_an_octave) {
  EXPECT_THAT(objective_grid(1), ElementsAre(1));
  EXPECT_THAT(objective_grid(13), ElementsAre(1, 2, 3, 4, 6, 8, 12, 13));
}

TEST(Objective, weights_are_read_strictly) {
  EXPECT_EQ(*parse_balance("throughput=2,memory=0.5"), (Balance{2, 0, 0.5, 0}));
  for (const char* text :
       {"throughput", "speed=1", "latency=-1", "latency=x", "latency=", "latency=0", "energy=inf"}) {
    const auto refused = parse_balance(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_THAT(refused.error().text(), HasSubstr(text));
  }
  EXPECT_THAT(parse_goal("troughput").error().text(), HasSubstr("use throughput"));
}

SearchSpace space_for(Goal goal) {
  SearchSpace space{64, Timing::graph, {}};
  space.objective = {goal, {}};
  return space;
}

const std::vector<Record> peaked{measured(1).samples(5, 0.001), measured(4).samples(5, 0.0012),
                                 measured(8).samples(5, 0.0019), measured(9).samples(5, 0.0030)};

TEST(Objective, the_answer_is_the_chosen_batch_and_what_stands_above_is_above_the_largest) {
  const Answer found = answer(evidence_of(peaked), {}, alone, space_for(Goal::balanced), Done{"done"});
  EXPECT_EQ(found.batch(), 4);
  EXPECT_EQ(found.largest->batch, 8);
  EXPECT_EQ(found.next->batch, 9);
  EXPECT_TRUE(found.neighbour_judged) << "of the largest";
  EXPECT_EQ(found.limiter(), "balanced");
  EXPECT_THAT(found.passing, ElementsAre(1, 4, 8));
  EXPECT_EQ(found.choices.at(Goal::largest).batch, 8);
}

TEST(Objective, an_objective_that_compares_what_is_not_known_falls_back_to_the_largest) {
  const Answer found = answer(evidence_of(peaked), {}, alone, space_for(Goal::energy), Done{"done"});
  EXPECT_EQ(found.batch(), 8);
  EXPECT_FALSE(found.choices.contains(Goal::energy));
  EXPECT_EQ(found.limiter(), "latency");
}

TEST(Objective, a_batch_that_does_not_pass_is_never_chosen) {
  const std::vector<Record> records{measured(1).samples(5, 0.001), measured(2).samples(5, 0.0019),
                                    measured(3).samples(5, 0.0021)};
  const Answer found = answer(evidence_of(records), {}, alone, space_for(Goal::throughput), Done{"done"});
  EXPECT_EQ(found.batch(), 2) << "3 processes more a second";
}

TEST(Relaxation, the_first_step_that_lets_a_measured_batch_pass_is_told) {
  std::vector<Record> records = peaked;
  records.push_back(measured(12).samples(5, 0.0023));
  const SearchSpace space{64, Timing::graph, {}};
  const Evidence evidence = evidence_of(records);
  const Answer found = answer(evidence, {}, alone, space, Done{"done"});
  ASSERT_EQ(found.batch(), 8);
  const auto looser = relaxations(found, evidence, {}, alone, space);
  ASSERT_EQ(looser.size(), 1U) << "memory does not bind";
  EXPECT_EQ(looser.front().limit, Relaxation::Of::latency);
  EXPECT_EQ(looser.front().steps, 3) << "2.2x is 2.2 ms; by 2.4x it is within 5 % of the limit; 2.6x is not";
  EXPECT_EQ(looser.front().batch, 12);
  EXPECT_NEAR(looser.front().throughput_gain, 12 / 0.0023 / (8 / 0.0019) - 1, 1e-9);
}

TEST(Relaxation, without_a_larger_measured_batch_nothing_is_told) {
  const Evidence evidence = evidence_of({measured(1), measured(2).samples(5, 0.0011)});
  const SearchSpace space{2, Timing::graph, {}};
  const Answer found = answer(evidence, {}, alone, space, Done{"done"});
  EXPECT_THAT(relaxations(found, evidence, {}, alone, space), IsEmpty());
}

}  // namespace
}  // namespace batchfit
