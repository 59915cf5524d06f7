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

/// From traces of ascending batches.
std::optional<AffineProgram> align(const std::vector<AllocationTrace>& traces) {
  std::vector<const AllocationTrace*> pointers;
  for (const AllocationTrace& each : traces) pointers.push_back(&each);
  return AffineProgram::align(pointers);
}

/// The size of the workspace of a program of one tensor and one workspace; 0 where it is left out.
Bytes workspace_at(const AffineProgram& program, Batch batch, WorkspaceGuess guess) {
  const AllocationTrace predicted = program.at(batch, guess);
  return predicted.events.size() == 5 ? predicted.events[1].bytes : 0;
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
  const auto program = align({smaller, larger});
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
  const auto program = align({smaller, larger});
  ASSERT_TRUE(program);
  EXPECT_EQ(program->unsettled(), 2);
  EXPECT_THAT(tensors_of(program->at(8)), ElementsAre(800, 1600));
  EXPECT_EQ(program->at(8, WorkspaceGuess::likely).events.size(), 5U) << "what is gone stays gone";
  EXPECT_EQ(program->at(8, WorkspaceGuess::high).events.size(), 7U) << "or comes back";
}

/// Traces of one tensor and one workspace.
std::vector<AllocationTrace> with_workspaces(const std::vector<std::pair<Batch, Bytes>>& sizes) {
  std::vector<AllocationTrace> traces;
  for (const auto& [batch, bytes] : sizes) {
    traces.push_back(bytes > 0
                         ? trace(batch, {take(1, 100 * batch), take(2, bytes), give(2), take(3, 8), give(1)})
                         : trace(batch, {take(1, 100 * batch), take(3, 8), give(1)}));
  }
  return traces;
}

TEST(AffineProgram, takes_a_workspace_along_the_line_of_its_last_two_sizes) {
  for (const auto& sizes :
       std::vector<std::vector<std::pair<Batch, Bytes>>>{{{2, 170'000}, {4, 190'000}},
                                                         {{1, 0}, {2, 170'000}, {4, 190'000}},
                                                         {{2, 170'000}, {3, 0}, {4, 190'000}}}) {
    const auto program = align(with_workspaces(sizes));
    ASSERT_TRUE(program);
    EXPECT_EQ(program->unsettled(), 0);
    for (const auto guess : {WorkspaceGuess::likely, WorkspaceGuess::low, WorkspaceGuess::high})
      EXPECT_EQ(workspace_at(*program, 8, guess), 230'000);
  }
}

TEST(AffineProgram, leaves_open_how_a_new_workspace_grows) {
  for (const auto& sizes : std::vector<std::vector<std::pair<Batch, Bytes>>>{
           {{2, 0}, {4, 200'000}}, {{2, 10'000}, {4, 200'000}}, {{2, 300'000}, {4, 200'000}}}) {
    const auto program = align(with_workspaces(sizes));
    ASSERT_TRUE(program);
    EXPECT_EQ(program->unsettled(), 1);
    EXPECT_EQ(workspace_at(*program, 8, WorkspaceGuess::low), 200'000);
    EXPECT_EQ(workspace_at(*program, 8, WorkspaceGuess::likely), 300'000);
    EXPECT_EQ(workspace_at(*program, 8, WorkspaceGuess::high), 400'000);
  }
}

TEST(AffineProgram, lets_a_workspace_that_is_gone_come_back_on_its_line) {
  const auto program = align(with_workspaces({{1, 160'000}, {2, 170'000}, {4, 0}}));
  ASSERT_TRUE(program);
  EXPECT_EQ(program->unsettled(), 1);
  EXPECT_EQ(workspace_at(*program, 8, WorkspaceGuess::likely), 0);
  EXPECT_EQ(workspace_at(*program, 8, WorkspaceGuess::low), 0);
  EXPECT_EQ(workspace_at(*program, 8, WorkspaceGuess::high), 230'000);
}

TEST(AffineProgram, with_the_fewest_workspaces_lacks_those_that_any_trace_did_without) {
  const auto always = align(with_workspaces({{1, 160'000}, {2, 170'000}, {4, 190'000}}));
  EXPECT_EQ(workspace_at(always.value(), 8, WorkspaceGuess::fewest), 230'000);
  const auto sometimes = align(with_workspaces({{1, 0}, {2, 170'000}, {4, 190'000}}));
  EXPECT_EQ(workspace_at(sometimes.value(), 8, WorkspaceGuess::likely), 230'000);
  EXPECT_EQ(workspace_at(sometimes.value(), 8, WorkspaceGuess::fewest), 0);
}

TEST(AffineProgram, does_not_align_tensors_of_other_lifetimes) {
  const auto smaller = trace(2, {take(1, 200), take(2, 200), give(1), give(2)});
  const auto larger = trace(4, {take(1, 400), take(2, 400), give(2), give(1)});
  EXPECT_FALSE(align({smaller, larger}));
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
  const auto program = align({smaller, larger});
  ASSERT_TRUE(program);
  EXPECT_EQ(simulate(program->at(2)).reserved_peak, simulate(smaller).reserved_peak);
  EXPECT_EQ(simulate(program->at(4)).reserved_peak, simulate(larger).reserved_peak);
  EXPECT_EQ(simulate(program->at(8)).reserved_peak, (64 + 48 + 120) * mebibyte);
}

TEST(AffineProgram, knows_an_input_by_its_fewest_bytes_an_item) {
  const auto at = [](Batch batch, Bytes charged) {
    auto result = trace(batch, {take(1, 30 * mebibyte)});
    result.timing = Timing::eager;
    result.segments_before = {{1 << 30, false, {{64 * mebibyte, -1}}}, {1 << 29, false, {{charged, -2}}}};
    return result;
  };
  // 6 MiB an item; at batch 1 and at batch 4 the block was not worth splitting.
  const auto program =
      align({at(1, 7 * mebibyte), at(2, 12 * mebibyte), at(4, 24 * mebibyte + 512 * kibibyte)});
  ASSERT_TRUE(program);
  EXPECT_EQ(program->at(8).events.front().bytes, 48 * mebibyte);
}

TEST(AffineProgram, scales_a_single_trace_by_what_the_batch_divides) {
  const auto program =
      AffineProgram::proportional(trace(4, {take(1, 4000), take(2, 802), give(2), take(3, 4001)}));
  const AllocationTrace predicted = program.at(8);
  ASSERT_EQ(predicted.events.size(), 4U);
  EXPECT_EQ(predicted.events[0].bytes, 8000);
  EXPECT_EQ(predicted.events[1].bytes, 1203) << "between no growth and growth with the batch";
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
  const auto program = align({workload.at(smaller), workload.at(larger)});
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
