#include "tune/forecast_batches.h"

#include <chrono>

#include "search/memory_bound.h"

namespace batchfit {
namespace {

using Clock = std::chrono::steady_clock;

// As in a search: a worker that is lost is replaced and the probe tried again, three times in all.
constexpr int most_attempts = 3;

/// The observations and traces of a batch.
std::vector<Record> records_of(const Evidence& evidence, Batch batch) {
  std::vector<Record> records;
  for (const Record& record : evidence.records()) {
    const auto* observation = std::get_if<Observation>(&record);
    const auto* trace = std::get_if<AllocationTrace>(&record);
    if ((observation != nullptr && observation->batch == batch) ||
        (trace != nullptr && trace->batch == batch)) {
      records.push_back(record);
    }
  }
  return records;
}

std::vector<Record> measure(const ForecastTask& task, Batch batch, Worker& worker, Cache& cache) {
  const Probe probe = Measure{batch};
  std::vector<Record> records;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    if (task.events.probing) task.events.probing(probe);
    for (Record& record : worker.run(probe)) {
      cache.append(task.subject, record);
      if (task.events.recorded) task.events.recorded(record);
      records.push_back(std::move(record));
    }
    if (records.empty() || !std::holds_alternative<Fault>(records.back())) break;
  }
  return records;
}

}  // namespace

std::vector<ForecastedBatch> forecast_batches(const ForecastTask& task, Worker& worker, Cache& cache) {
  const Evidence known = cache.load(task.subject);
  const ForecastOptions options{element_bytes(task.subject.workload.dtype)};
  Evidence so_far;
  std::vector<ForecastedBatch> out;
  for (const Batch batch : task.batches) {
    ForecastedBatch& entry = out.emplace_back();
    entry.batch = batch;
    const auto start = Clock::now();
    entry.forecast = forecast(so_far, batch, options);
    entry.forecast_seconds = std::chrono::duration<double>(Clock::now() - start).count();

    const Environment environment = worker.environment();
    if (known.observation(batch) != nullptr) {
      entry.records = records_of(known, batch);
      entry.from_cache = true;
    } else if (beyond_memory(so_far, batch, task.limits, environment, options)) {
      entry.beyond = task.limits.own_memory(environment);
    } else {
      worker.set_cap(worker_cap(task.limits, environment, /*strict=*/false));
      entry.records = measure(task, batch, worker, cache);
    }
    for (const Record& record : entry.records) so_far.add(record);
    if (task.cancelled && task.cancelled()) break;
  }
  return out;
}

}  // namespace batchfit
