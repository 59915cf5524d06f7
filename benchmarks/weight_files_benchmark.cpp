// How long files of weights take to open: weight_files_benchmark FILE... [--benchmark_…]. Warm, for the files
// are in the page cache after the first pass.
#include <benchmark/benchmark.h>

#include <iostream>
#include <string>

#include "files/weights_file.h"

namespace {

using batchfit::files::WeightsFile;

/// Mapped, checked, every tensor found.
void open(benchmark::State& state, const std::string& path) {
  for (auto _ : state) benchmark::DoNotOptimize((*WeightsFile::open(path))->tensors().size());
}

/// What a worker does: the digest reads every byte.
void open_and_digest(benchmark::State& state, const std::string& path) {
  for (auto _ : state) benchmark::DoNotOptimize((*WeightsFile::open(path))->digest());
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    const std::string path = argv[i];
    if (const auto file = WeightsFile::open(path); !file) {
      std::cerr << file.error().text() << "\n";
      return 1;
    }
    benchmark::RegisterBenchmark(("open " + path).c_str(), open, path)->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("digest " + path).c_str(), open_and_digest, path)
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
