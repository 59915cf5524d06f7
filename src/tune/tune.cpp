#include "tune/tune.h"

namespace batchfit {
namespace {

// Less than this is the driver's own and no other process.
constexpr Bytes someone_else = 64 * mebibyte;

/// On a device of its own a worker may reach for all that is free, so that a batch a little over the limit is
/// measured cleanly. Beside others, or where the user is strict, it must not: the limit itself is its cap.
std::optional<Bytes> cap_of(const TuneTask& task, const Environment& environment) {
  if (!task.strict && environment.others.value_or(0) < someone_else) return std::nullopt;
  return task.limits.own_memory(environment);
}

}  // namespace

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
    worker.set_cap(cap_of(task, environment));
    std::vector<Record> records = worker.run(probe);
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
  }
}

}  // namespace batchfit
