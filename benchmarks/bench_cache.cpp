// What a cached answer, a summary and a judgement cost with a thousand workloads in the cache.
#include <benchmark/benchmark.h>

#include "facts/cache.h"
#include "facts/journal.h"
#include "facts/summary.h"
#include "search/answer.h"
#include "support/facts.h"
#include "support/simulated_device.h"
#include "support/temporary_folder.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests

constexpr int workloads = 1'000;
const Limits limits;
const SearchSpace space{Batch{1} << 20, Timing::graph, {}};

/// Latency grows by a tenth of batch 1's with each item, so that the answer is 11 and its neighbours are
/// compared.
SimulatedDevice device() {
  SimulatedDevice made{[](Batch batch) { return 0.001 * (0.9 + 0.1 * static_cast<double>(batch)); },
                       [](Batch batch) { return gibibyte + batch * 100 * mebibyte; }};
  made.noise = 0.004;
  made.samples = 30;
  return made;
}

Subject subject_number(int number) { return subject_of("model" + std::to_string(number)); }
Json request_number(int number) {
  return {{"model", "model" + std::to_string(number)}, {"device", "cuda:0"}};
}

/// A cache of a thousand workloads that an exponential search has measured.
struct FullCache {
  FullCache() {
    const Search made = search(exponential(space), device(), limits, space);
    Json summary = empty_summary();
    for (int i = 0; i < workloads; ++i) {
      const Subject subject = subject_number(i);
      std::string lines = journal_header(subject);
      for (const Record& record : made.evidence.records()) lines += journal_line(record);
      write_bytes(folder / "cache.d" / journal_name(subject), lines);
      put_into_summary(summary, subject, made.evidence);
    }
    write_bytes(path, print_summary(summary));
    Cache cache = open();
    cache.stamp(request_number(0), {subject_number(0), {}});
  }
  Cache open() const {
    return Cache(path, [](const std::string&) {});
  }
  TemporaryFolder folder;
  std::filesystem::path path = folder / "cache.json";
};

const FullCache& full_cache() {
  static const FullCache cache;
  return cache;
}

void cached_answer(benchmark::State& state) {
  const FullCache& full = full_cache();
  const Strategy strategy = exponential(space);
  for (auto _ : state) {
    Cache cache = full.open();
    const auto stamp = cache.stamped(request_number(0));
    const Evidence evidence = cache.load(stamp->subject);
    const Step step = strategy(evidence, limits, device().environment());
    const auto* done = std::get_if<Done>(&step);
    if (done == nullptr) {
      state.SkipWithError("the cached search is not done");
      break;
    }
    benchmark::DoNotOptimize(answer(evidence, limits, device().environment(), space, *done));
  }
}
BENCHMARK(cached_answer)->Unit(benchmark::kMillisecond);

void append_one_record(benchmark::State& state) {
  const TemporaryFolder folder;
  Cache cache(folder / "cache.json", [](const std::string&) {});
  for (auto _ : state) cache.append(subject_number(0), measured(8).samples(30, 0.001));
}
BENCHMARK(append_one_record)->Unit(benchmark::kMillisecond)->UseRealTime();

void rewrite_summary(benchmark::State& state) {
  Cache cache = full_cache().open();
  for (auto _ : state) cache.summarize(subject_number(workloads / 2));
  state.counters["bytes"] = static_cast<double>(std::filesystem::file_size(full_cache().path));
}
BENCHMARK(rewrite_summary)->Unit(benchmark::kMillisecond)->UseRealTime();

void rebuild_summary_from_journals(benchmark::State& state) {
  const FullCache& full = full_cache();
  const std::string summary = bytes_of(full.path);
  std::filesystem::remove(full.path);
  Cache cache = full.open();
  for (auto _ : state) benchmark::DoNotOptimize(cache.summary());
  write_bytes(full.path, summary);
}
BENCHMARK(rebuild_summary_from_journals)->Unit(benchmark::kMillisecond)->UseRealTime();

/// One step of a strategy over evidence of 100 batches: every batch is judged.
void step_over_100_batches(benchmark::State& state) {
  const SearchSpace hundred{100, Timing::graph, {}};
  const Strategy strategy = sweep(hundred);
  const Search made = search(strategy, device(), limits, hundred);
  for (auto _ : state) benchmark::DoNotOptimize(strategy(made.evidence, limits, device().environment()));
}
BENCHMARK(step_over_100_batches)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace batchfit
