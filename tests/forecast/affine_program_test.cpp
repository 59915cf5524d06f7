#include "forecast/affine_program.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "forecast/allocator_simulation.h"

namespace batchfit {
namespace {

using testing::ElementsAre;

AllocationEvent take(std::int64_t name, Bytes bytes) { return {bytes, name, false}; }
AllocationEvent give(std::int64_t name) { return {0, name, true}; }

AllocationTrace trace(Batch batch, std::vector<AllocationEvent> events) {
  AllocationTrace result;
  result.batch = batch;
  result.timing = Timing::graph;
  result.events = std::move(events);
  return result;
}

TEST(OnLine, meets_both_points_and_rounds_up_between_them) {
  EXPECT_EQ(on_line(1, 100, 3, 201, 1), 100);
  EXPECT_EQ(on_line(1, 100, 3, 201, 2), 151);
  EXPECT_EQ(on_line(1, 100, 3, 201, 3), 201);
  EXPECT_EQ(on_line(1, 100, 3, 201, 4), 252);
  EXPECT_EQ(on_line(2, 100, 4, 50, 8), 0);
}

TEST(OnLine, stays_finite_far_away) {
  constexpr Batch far = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(on_line(1, 0, 2, Bytes{1} << 40, far), 4096 * gibibyte);
  EXPECT_EQ(on_line(1, Bytes{1} << 40, 2, 0, far), 0);
}

TEST(AffineProgram, extends_tensors_and_workspaces_along_their_lines) {
  const auto smaller = trace(2, {take(1, 1200), take(2, 300), give(2), take(3, 8), give(1)});
  const auto larger = trace(4, {take(1, 2200), take(2, 500), give(2), take(3, 8), give(1)});
  const auto program = AffineProgram::align(smaller, larger);
  ASSERT_TRUE(program);
  EXPECT_EQ(program->unsettled(), 0);
  EXPECT_EQ(program->inexact(), 0);
  const AllocationTrace predicted = program->at(10);
  ASSERT_EQ(predicted.events.size(), 5U);
  EXPECT_EQ(predicted.events[0].bytes, 5200);
  EXPECT_EQ(predicted.events[1].bytes, 1100);
  EXPECT_EQ(predicted.events[3].bytes, 8);
}

TEST(AffineProgram, aligns_tensors_across_workspaces_that_come_and_go) {
  const auto smaller = trace(2, {take(1, 200), take(2, 999), give(2), take(3, 400), give(1)});
  const auto larger = trace(4, {take(1, 400), take(2, 800), take(3, 16000), give(3), give(1)});
  const auto program = AffineProgram::align(smaller, larger);
  ASSERT_TRUE(program);
  EXPECT_EQ(program->unsettled(), 2);
  EXPECT_THAT(tensors_of(program->at(8)), ElementsAre(800, 1600));
  EXPECT_THAT(tensors_of(program->at(8, WorkspaceGuess::absent)), ElementsAre(800, 1600));
  EXPECT_EQ(program->at(8, WorkspaceGuess::absent).events.size(), 3U);
  EXPECT_EQ(program->at(8, WorkspaceGuess::proportional).events.size(), 5U);
  EXPECT_EQ(program->at(8, WorkspaceGuess::steepest).events.size(), 7U);
}

TEST(AffineProgram, does_not_trust_the_line_of_a_workspace_that_an_earlier_trace_contradicts) {
  const auto at = [](Batch batch, Bytes workspace) {
    return trace(batch, {take(1, 100 * batch), take(2, workspace), give(2), give(1)});
  };
  EXPECT_EQ(AffineProgram::align(at(2, 200'000), at(4, 300'000))->unsettled(), 0);
  const auto contradicting = at(1, 10'000);
  EXPECT_EQ(AffineProgram::align(at(2, 200'000), at(4, 300'000), &contradicting)->unsettled(), 1);
  const auto agreeing = at(1, 150'000);
  EXPECT_EQ(AffineProgram::align(at(2, 200'000), at(4, 300'000), &agreeing)->unsettled(), 0);
}

TEST(AffineProgram, does_not_align_tensors_of_other_lifetimes) {
  const auto smaller = trace(2, {take(1, 200), take(2, 200), give(1), give(2)});
  const auto larger = trace(4, {take(1, 400), take(2, 400), give(2), give(1)});
  EXPECT_FALSE(AffineProgram::align(smaller, larger));
}

TEST(AffineProgram, moves_a_batch_dependent_block_of_before_into_the_pass) {
  auto smaller = trace(2, {take(1, 30 * mebibyte), give(-2)});
  auto larger = trace(4, {take(1, 60 * mebibyte), give(-2)});
  smaller.timing = larger.timing = Timing::eager;
  smaller.segments_before = {{1 << 30, false, {{64 * mebibyte, -1}}},
                             {1 << 29, false, {{12 * mebibyte, -2}}}};
  larger.segments_before = {{1 << 30, false, {{64 * mebibyte, -1}}}, {1 << 29, false, {{24 * mebibyte, -2}}}};
  smaller.reserved_before = smaller.allocated_before = 76 * mebibyte;
  larger.reserved_before = larger.allocated_before = 88 * mebibyte;
  const auto program = AffineProgram::align(smaller, larger);
  ASSERT_TRUE(program);
  EXPECT_EQ(simulate(program->at(2)).reserved_peak, simulate(smaller).reserved_peak);
  EXPECT_EQ(simulate(program->at(4)).reserved_peak, simulate(larger).reserved_peak);
  EXPECT_EQ(simulate(program->at(8)).reserved_peak, (64 + 48 + 120) * mebibyte);
}

TEST(AffineProgram, scales_a_single_trace_by_what_the_batch_divides) {
  const auto program =
      AffineProgram::proportional(trace(4, {take(1, 4000), take(2, 801), give(2), take(3, 4001)}));
  const AllocationTrace predicted = program.at(8);
  ASSERT_EQ(predicted.events.size(), 4U);
  EXPECT_EQ(predicted.events[0].bytes, 8000);
  EXPECT_EQ(predicted.events[1].bytes, 1602);
  EXPECT_EQ(predicted.events[3].bytes, 4001);
}

/// A made-up workload: each allocation has a + c·b bytes and lives for some steps.
struct MadeUp {
  struct Tensor {
    Bytes constant;
    Bytes per_item;
    int lives;
  };
  std::vector<Tensor> tensors;

  AllocationTrace at(Batch batch) const {
    AllocationTrace result = trace(batch, {});
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      result.events.push_back(
          take(static_cast<std::int64_t>(i) + 1, tensors[i].constant + tensors[i].per_item * batch));
      for (std::size_t j = 0; j <= i; ++j) {
        if (static_cast<int>(i - j) == tensors[j].lives)
          result.events.push_back(give(static_cast<std::int64_t>(j) + 1));
      }
    }
    return result;
  }
};

RC_GTEST_PROP(AffineProgram, recovers_a_random_affine_program_at_any_batch, ()) {
  MadeUp workload;
  const auto count = *rc::gen::inRange(1, 60);
  for (int i = 0; i < count; ++i) {
    workload.tensors.push_back({*rc::gen::inRange<Bytes>(1, 100'000), *rc::gen::inRange<Bytes>(0, 3'000'000),
                                *rc::gen::inRange(0, 8)});
  }
  const Batch smaller = *rc::gen::inRange<Batch>(1, 64);
  const Batch larger = smaller + *rc::gen::inRange<Batch>(1, 64);
  const Batch target = *rc::gen::inRange<Batch>(1, 512);
  const auto program = AffineProgram::align(workload.at(smaller), workload.at(larger));
  RC_ASSERT(program.has_value());
  const AllocationTrace truth = workload.at(target);
  const AllocationTrace predicted = program->at(target);
  RC_ASSERT(simulate(predicted) == simulate(truth));
  RC_ASSERT(predicted.events.size() == truth.events.size());
  for (std::size_t i = 0; i < truth.events.size(); ++i)
    RC_ASSERT(predicted.events[i].bytes == truth.events[i].bytes);
}

}  // namespace
}  // namespace batchfit
