// How long a forecast takes, on recordings of resnet50 (fp16, about 500 events a pass) and vit_b_16.

#include <benchmark/benchmark.h>

#include <algorithm>

#include "forecast/allocator_simulation.h"
#include "forecast/crossing.h"
#include "forecast/forecast.h"
#include "forecast/recording.h"

namespace batchfit {
namespace {

const RecordedWorkload& workload(const char* name) {
  static const auto recording = read_recording(std::filesystem::path(BATCHFIT_TEST_DATA) / "allocator" /
                                               "h200-torch-2.11-capture.json.gz");
  return *std::ranges::find(recording->workloads, name, &RecordedWorkload::name);
}

Evidence evidence_up_to(const RecordedWorkload& recorded, Batch largest) {
  Evidence evidence;
  for (const auto& [trace, segments, blocks] : recorded.traces) {
    if (trace.batch <= largest) evidence.add(trace);
  }
  return evidence;
}

void simulate_one_pass(benchmark::State& state, const char* name) {
  const AllocationTrace& trace = workload(name).traces.back().trace;
  for (auto _ : state) benchmark::DoNotOptimize(simulate(trace));
  state.counters["events"] = static_cast<double>(trace.events.size());
}
BENCHMARK_CAPTURE(simulate_one_pass, resnet50_fp16, "resnet50_fp16");
BENCHMARK_CAPTURE(simulate_one_pass, vit_fp32, "vit_fp32");

void forecast_one_batch(benchmark::State& state, const char* name) {
  const Evidence evidence = evidence_up_to(workload(name), 128);
  for (auto _ : state) benchmark::DoNotOptimize(forecast(evidence, 256));
}
BENCHMARK_CAPTURE(forecast_one_batch, resnet50_fp16, "resnet50_fp16");
BENCHMARK_CAPTURE(forecast_one_batch, vit_fp32, "vit_fp32");

void find_a_crossing(benchmark::State& state, const char* name) {
  const Evidence evidence = evidence_up_to(workload(name), 128);
  for (auto _ : state) benchmark::DoNotOptimize(crossing(Forecaster(evidence), 16 * gibibyte, 129, 512));
}
BENCHMARK_CAPTURE(find_a_crossing, resnet50_fp16, "resnet50_fp16");

}  // namespace
}  // namespace batchfit
