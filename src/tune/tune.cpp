#include "tune/tune.h"

#include "search/memory_bound.h"
#include "tune/canary.h"
#include "tune/stopwatch.h"

namespace batchfit {

std::vector<Record> run_and_keep(const TuneTask& task, const Environment& environment, const Probe& probe,
                                 Worker& worker, Cache& cache, Evidence& evidence) {
  if (task.events.probing) task.events.probing(probe);
  worker.set_cap(worker_cap(task.limits, environment, task.strict));
  std::vector<Record> records = worker.run(probe);
  for (const Record& record : records) {
    cache.append(task.subject, record);  // on disk before it counts
    if (task.events.recorded) task.events.recorded(record);
    evidence.add(record);
  }
  return records;
}

Tuned tune(const TuneTask& task, Worker& worker, Cache& cache, Evidence& evidence) {
  int probes = 0;
  Stopwatch stopwatch;
  for (;;) {
    const Environment environment = worker.environment();
    const auto so_far = [&](const std::string& why) {
      return answer(evidence, task.limits, environment, task.space, Done{why});
    };
    const Step step = task.next(evidence, task.limits, environment);
    if (const auto* done = std::get_if<Done>(&step)) return {so_far(done->why), probes};
    if (probes > 0 && task.budget && stopwatch.seconds() >= *task.budget) {
      Answer best = so_far("the time budget is spent");
      best.cut_short = true;
      return {std::move(best), probes};
    }
    const std::vector<Record> records =
        run_and_keep(task, environment, std::get<Probe>(step), worker, cache, evidence);
    for (const Record& record : records) stopwatch.add(record);
    ++probes;
    // A worker returns nothing only when it was cancelled; asking it for the same again would never end.
    if (records.empty() || (task.cancelled && task.cancelled())) {
      Answer best = so_far("interrupted");
      best.status = Status::interrupted;
      return {std::move(best), probes};
    }
    if (ran_out_of_memory(records)) prove_clean(worker, evidence);
  }
}

}  // namespace batchfit
