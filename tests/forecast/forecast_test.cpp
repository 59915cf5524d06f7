#include "forecast/forecast.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "forecast/allocator_simulation.h"
#include "forecast/crossing.h"
#include "forecast/hindcast.h"

namespace batchfit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Context and libraries of a CUDA process, as measured beside the recordings.
constexpr Bytes context = 700 * mebibyte;

AllocationTrace pass(Batch batch, Bytes constant, Bytes per_item) {
  AllocationTrace trace;
  trace.batch = batch;
  trace.events = {{constant, 1, false},
                  {per_item * batch, 2, false},
                  {per_item * batch, 3, false},
                  {0, 2, true},
                  {0, 3, true}};
  trace.reserved_peak = simulate(trace).reserved_peak;
  trace.allocated_peak = simulate(trace).allocated_peak;
  return trace;
}

Observation observation(Batch batch, Bytes reserved, std::optional<Bytes> beside = context) {
  Observation result;
  result.batch = batch;
  result.memory.reserved_peak = reserved;
  result.memory.context = beside;
  return result;
}

/// Evidence of a made-up workload at some batches.
Evidence evidence_of(std::initializer_list<Batch> batches, bool traced = true) {
  Evidence evidence;
  for (const Batch batch : batches) {
    const AllocationTrace trace = pass(batch, 64 * mebibyte, 12 * mebibyte);
    evidence.add(observation(batch, trace.reserved_peak));
    if (traced) evidence.add(trace);
  }
  return evidence;
}

TEST(Forecast, of_nothing_is_nothing) {
  EXPECT_FALSE(forecast(Evidence{}, 4));
  const Evidence nothing;
  EXPECT_FALSE(crossing(Forecaster(nothing), gibibyte, 1, 64));
}

TEST(Forecast, of_a_measured_batch_is_the_measurement) {
  const auto result = forecast(evidence_of({1, 2}), 2);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->basis, Basis::measured);
  EXPECT_EQ(result->own, context + (64 + 48) * mebibyte);
  EXPECT_EQ(result->low, result->high);
}

TEST(Forecast, from_two_traces_is_exact_on_an_affine_workload) {
  const auto result = forecast(evidence_of({1, 2}), 8);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->basis, Basis::traces);
  EXPECT_EQ(result->own, context + (64 + 2 * 96) * mebibyte);
  EXPECT_LT(result->low, result->own);
  EXPECT_GT(result->high, result->own);
  EXPECT_THAT(result->reasons, testing::IsEmpty());
}

TEST(Forecast, between_traces_uses_those_that_enclose_the_batch) {
  Evidence evidence = evidence_of({1, 2});
  evidence.add(pass(16, 64 * mebibyte, 14 * mebibyte));
  const auto result = forecast(evidence, 9);
  ASSERT_TRUE(result);
  // The line from 2·12 to 16·14 MiB, at 9: 124 MiB a tensor.
  EXPECT_EQ(result->own, context + (64 + 2 * 124) * mebibyte);
}

TEST(Forecast, widens_where_tensors_do_not_grow_evenly) {
  Evidence evidence = evidence_of({2});
  evidence.add(pass(4, 64 * mebibyte + 1, 12 * mebibyte));
  const auto uneven = forecast(evidence, 8);
  EXPECT_GT(uneven->width(), forecast(evidence_of({2, 4}), 8)->width());
  EXPECT_THAT(uneven->reasons, ElementsAre(HasSubstr("evenly")));
}

TEST(Forecast, from_one_trace_says_so_and_is_wide) {
  const auto result = forecast(evidence_of({2}), 4);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->basis, Basis::one_trace);
  EXPECT_GT(result->width(), 0.2);
  EXPECT_THAT(result->reasons, ElementsAre(HasSubstr("only batch 2")));
  EXPECT_LE(result->low, context + (64 + 96) * mebibyte);
  EXPECT_GE(result->high, context + (64 + 96) * mebibyte);
}

TEST(Forecast, without_traces_rests_on_peaks_and_says_so) {
  const auto result = forecast(evidence_of({1, 2, 4}, false), 8);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->basis, Basis::peaks);
  EXPECT_EQ(result->own, context + (64 + 2 * 96) * mebibyte);
  EXPECT_GT(result->width(), 0.05);
  EXPECT_THAT(result->reasons, ElementsAre(HasSubstr("no allocation traces")));
}

TEST(Forecast, from_peaks_takes_no_slope_from_two_on_one_step_of_whole_segments) {
  Evidence evidence;
  for (const Batch batch : {Batch{1}, Batch{64}, Batch{128}, Batch{254}, Batch{255}, Batch{256}}) {
    Observation result;
    result.batch = batch;
    result.memory.resident_peak = (batch + 15) / 16 * 64 * mebibyte;
    evidence.add(result);
  }
  const auto result = forecast(evidence, 512);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->own, 2048 * mebibyte);
  EXPECT_GT(result->low, 1500 * mebibyte);
}

TEST(Forecast, of_a_cpu_rests_on_resident_peaks) {
  Evidence evidence;
  for (const Batch batch : {1, 2, 4}) {
    Observation result;
    result.batch = batch;
    result.memory.resident_peak = (500 + 10 * batch) * mebibyte;
    evidence.add(result);
    evidence.add(pass(batch, mebibyte, mebibyte));
  }
  const auto result = forecast(evidence, 8);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->basis, Basis::peaks);
  EXPECT_EQ(result->own, 580 * mebibyte);
}

TEST(Forecast, grows_with_the_context) {
  Evidence evidence = evidence_of({1, 2});
  evidence.add(observation(2, (64 + 48) * mebibyte, context + 80 * mebibyte));
  const auto steady = forecast(evidence_of({1, 2}), 4);
  const auto growing = forecast(evidence, 4);
  EXPECT_EQ(growing->own - steady->own, 80 * mebibyte);
  EXPECT_GE(growing->high - steady->high, 160 * mebibyte);
}

TEST(Forecast, says_that_an_unknown_context_is_not_counted) {
  Evidence evidence;
  for (const Batch batch : {1, 2}) evidence.add(pass(batch, 64 * mebibyte, 12 * mebibyte));
  const auto result = forecast(evidence, 4);
  EXPECT_FALSE(result->context);
  EXPECT_EQ(result->own, (64 + 96) * mebibyte);
  EXPECT_THAT(result->reasons, ElementsAre(HasSubstr("context")));
}

TEST(Forecast, of_a_batch_that_ran_out_of_memory_is_more_than_its_cap) {
  Evidence evidence = evidence_of({1, 2});
  Observation failed;
  failed.batch = 4;
  failed.outcome = Outcome::out_of_memory;
  failed.cap = 2 * gibibyte;
  evidence.add(failed);
  EXPECT_GE(forecast(evidence, 4)->low, 2 * gibibyte);
  EXPECT_LT(forecast(evidence, 5)->high, 2 * gibibyte);
}

TEST(Forecast, widens_where_a_tensor_reaches_two_to_the_31_elements) {
  const Evidence evidence = evidence_of({64, 128});  // 12 MiB an item: 2^31 fp16 elements at batch 342
  EXPECT_THAT(regime_changes(evidence, 4096, {2}), ElementsAre(342));
  EXPECT_THAT(regime_changes(evidence, 341, {2}), ElementsAre());
  EXPECT_FALSE(forecast(evidence, 341, {2})->crosses_regime);
  const auto beyond = forecast(evidence, 342, {2});
  EXPECT_TRUE(beyond->crosses_regime);
  EXPECT_GT(beyond->width(), 0.5);
  EXPECT_THAT(beyond->reasons, testing::Contains(HasSubstr("2^31")));
}

TEST(Forecast, from_one_trace_beyond_a_regime_change_is_as_wide_as_before_it) {
  Evidence evidence = evidence_of({64, 128});
  evidence.add(pass(400, 64 * mebibyte, 24 * mebibyte));
  EXPECT_GT(forecast(evidence, 500, {2})->width(), 0.5);
}

TEST(Forecast, ignores_a_trace_whose_sizes_are_absurd) {
  Evidence evidence = evidence_of({1, 2});
  evidence.add(pass(4, 64 * mebibyte, Bytes{1} << 58));
  EXPECT_EQ(forecast(evidence, 8)->own, context + (64 + 2 * 96) * mebibyte);
}

TEST(Forecast, beyond_a_regime_change_uses_the_traces_of_that_regime) {
  Evidence evidence = evidence_of({64, 128});
  evidence.add(pass(400, 64 * mebibyte, 24 * mebibyte));
  evidence.add(pass(500, 64 * mebibyte, 24 * mebibyte));
  const auto result = forecast(evidence, 600, {4});
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->crosses_regime);
  EXPECT_EQ(result->own, context + (64 + 2 * 600 * 24) * mebibyte);
}

TEST(Forecast, tells_of_each_batch_what_was_known_before_it_ran) {
  const auto forecasts = forecasts_before_runs(evidence_of({1, 2, 8, 2}), {});
  ASSERT_EQ(forecasts.size(), 2U) << "none of the first, one of each other";
  EXPECT_EQ(forecasts[0].batch, 2);
  EXPECT_EQ(forecasts[0].basis, Basis::one_trace);
  EXPECT_EQ(forecasts[1].batch, 8);
  EXPECT_EQ(forecasts[1].basis, Basis::traces);
  EXPECT_EQ(forecasts[1].own, context + (64 + 2 * 96) * mebibyte);
}

TEST(Crossing, finds_the_largest_batches_within_a_limit) {
  const Evidence evidence = evidence_of({1, 2, 4, 16});
  const Bytes limit = context + (64 + 2 * 12 * 20) * mebibyte;
  const Forecaster forecaster(evidence);
  const auto found = crossing(forecaster, limit, 1, 1000);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->likely, 20);
  EXPECT_LE(found->certain, 20);
  EXPECT_GE(found->certain, 16);
  EXPECT_GE(found->possible, 20);
  EXPECT_LE(found->possible, 24);
  EXPECT_EQ(crossing(forecaster, limit, 1, 10)->likely, 10);
  EXPECT_EQ(crossing(forecaster, limit, 30, 100)->likely, 0);
  EXPECT_EQ(crossing(forecaster, mebibyte, 1, 10)->possible, 0);
}

TEST(Crossing, sees_a_drop_beyond_the_first_batch_that_does_not_pass) {
  // Measured on an H100: from 256 to 384 the allocator finds room for a workspace that it had none for
  // before.
  const auto recording = read_recording(std::filesystem::path(BATCHFIT_TEST_DATA) /
                                        "journals/h100-resnet50-fp32-graph.jsonl.gz");
  ASSERT_TRUE(recording);
  Evidence evidence;
  for (const auto& [trace, segments, blocks] : recording->workloads.front().traces) {
    if (trace.batch <= 256) evidence.add(trace);
  }
  const Forecaster forecaster(evidence);
  const Bytes limit = forecaster.at(270)->own;
  EXPECT_GT(forecaster.at(290)->own, limit);
  EXPECT_GT(crossing(forecaster, limit, 257, 400)->likely, 300);
}

const std::filesystem::path data = BATCHFIT_TEST_DATA;

std::vector<std::filesystem::path> h200_recordings() {
  return {data / "allocator/h200-torch-2.11.json.gz", data / "allocator/h200-torch-2.11-capture.json.gz"};
}

std::vector<std::filesystem::path> h100_journals() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(data / "journals")) {
    if (entry.path().extension() == ".gz") paths.push_back(entry.path());
  }
  return paths;
}

/// The hindcasts that look so many doublings ahead and cross no regime change.
std::vector<Hindcast> all_hindcasts(const std::vector<std::filesystem::path>& paths, int doublings,
                                    const HindcastOptions& options) {
  std::vector<Hindcast> all;
  for (const auto& path : paths) {
    const auto recording = read_recording(path);
    EXPECT_TRUE(recording) << path;
    for (const RecordedWorkload& workload : recording->workloads) {
      for (const Hindcast& hindcast : hindcasts(workload, options)) {
        if (hindcast.doublings() == doublings && !hindcast.forecast.crosses_regime) all.push_back(hindcast);
      }
    }
  }
  return all;
}

struct Calibration {
  std::size_t forecasts = 0;
  std::size_t inside = 0;
  double median_error = 0;
  double worst_error = 0;
  double median_width = 0;
  double widest = 0;
};

Calibration calibration(const std::vector<Hindcast>& all) {
  std::vector<double> errors;
  std::vector<double> widths;
  Calibration result;
  for (const Hindcast& hindcast : all) {
    errors.push_back(std::abs(hindcast.error()));
    widths.push_back(hindcast.forecast.width());
    if (hindcast.inside()) ++result.inside;
  }
  std::ranges::sort(errors);
  std::ranges::sort(widths);
  result.forecasts = all.size();
  result.median_error = errors[errors.size() / 2];
  result.worst_error = errors.back();
  result.median_width = widths[widths.size() / 2];
  result.widest = widths.back();
  fmt::print(
      "{} forecasts, {} inside, median error {:.3f} %, worst {:.2f} %, median width {:.2f} %, widest {:.1f} "
      "%\n",
      result.forecasts, result.inside, 100 * result.median_error, 100 * result.worst_error,
      100 * result.median_width, 100 * result.widest);
  return result;
}

TEST(ForecastOnRecordings, one_doubling_ahead_is_calibrated) {
  const Calibration reached = calibration(all_hindcasts(h200_recordings(), 1, {.context = context}));
  EXPECT_EQ(reached.forecasts, 157U);
  EXPECT_GE(reached.inside, 152U);
  EXPECT_LE(reached.median_error, 0.0001);
  EXPECT_LE(reached.worst_error, 0.07);
  EXPECT_LE(reached.median_width, 0.017);
  EXPECT_LE(reached.widest, 0.30);
}

TEST(ForecastOnRecordings, one_doubling_ahead_is_calibrated_on_another_device_and_other_batches) {
  for (const Batch first : {1, 3}) {
    const Calibration reached = calibration(all_hindcasts(h100_journals(), 1, {.first = first}));
    EXPECT_GE(reached.forecasts, 168U);
    EXPECT_GE(static_cast<double>(reached.inside), 0.95 * static_cast<double>(reached.forecasts));
    EXPECT_LE(reached.median_error, 0.0001);
    EXPECT_LE(reached.median_width, 0.02);
    EXPECT_LE(reached.widest, 0.30);
  }
}

TEST(ForecastOnRecordings, one_doubling_ahead_is_calibrated_for_the_allocator_alone) {
  const Calibration reached = calibration(all_hindcasts(h200_recordings(), 1, {}));
  EXPECT_GE(reached.inside, 151U);
  EXPECT_LE(reached.median_error, 0.0001);
  EXPECT_LE(reached.median_width, 0.02);
}

TEST(ForecastOnRecordings, two_doublings_ahead_is_calibrated) {
  const Calibration reached = calibration(all_hindcasts(h200_recordings(), 2, {.context = context}));
  EXPECT_EQ(reached.forecasts, 145U);
  EXPECT_GE(reached.inside, 138U);
  EXPECT_LE(reached.median_error, 0.0001);
  EXPECT_LE(reached.median_width, 0.07);
}

TEST(ForecastOnRecordings, one_doubling_ahead_without_traces_is_wider_and_as_often_right) {
  const Calibration reached =
      calibration(all_hindcasts(h200_recordings(), 1, {.context = context, .with_traces = false}));
  EXPECT_EQ(reached.forecasts, 165U);
  EXPECT_GE(reached.inside, 157U);
  EXPECT_LE(reached.median_error, 0.005);
  EXPECT_LE(reached.widest, 0.3);
}

TEST(ForecastOnRecordings, a_doubling_across_a_regime_change_stays_inside_a_wide_interval) {
  for (const auto& path : h200_recordings()) {
    const auto recording = read_recording(path);
    ASSERT_TRUE(recording);
    for (const RecordedWorkload& workload : recording->workloads) {
      for (const Hindcast& hindcast : hindcasts(workload)) {
        if (!hindcast.forecast.crosses_regime) continue;
        EXPECT_GT(hindcast.forecast.batch,
                  2674);  // resnet50: 802,816 elements an image after the first convolution
        EXPECT_TRUE(hindcast.inside())
            << workload.name << " " << hindcast.from << " to " << hindcast.forecast.batch;
      }
    }
  }
}

}  // namespace
}  // namespace batchfit
