#include "tune/tune.h"

#include "search/memory_bound.h"
#include "tune/canary.h"

namespace batchfit {

Tuned tune(const TuneTask& task, Worker& worker, Cache& cache, Evidence& evidence) {
  int probes = 0;
  for (;;) {
    const Environment environment = worker.environment();
    const Step step = task.next(evidence, task.limits, environment);
    if (const auto* done = std::get_if<Done>(&step)) {
      return {answer(evidence, task.limits, environment, task.space, *done), probes};
    }
    const Probe& probe = std::get<Probe>(step);
    if (task.events.probing) task.events.probing(probe);
    worker.set_cap(worker_cap(task.limits, environment, task.strict));
    std::vector<Record> records = worker.run(probe);
    const bool out_of_memory = ran_out_of_memory(records);
    for (Record& record : records) {
      cache.append(task.subject, record);  // on disk before it counts
      if (task.events.recorded) task.events.recorded(record);
      evidence.add(std::move(record));
    }
    ++probes;
    // A worker returns nothing only when it was cancelled; asking it for the same again would never end.
    if (records.empty() || (task.cancelled && task.cancelled())) {
      Answer so_far = answer(evidence, task.limits, environment, task.space, Done{"interrupted"});
      so_far.status = Status::interrupted;
      return {std::move(so_far), probes};
    }
    if (out_of_memory) prove_clean(worker, evidence);
  }
}

}  // namespace batchfit
