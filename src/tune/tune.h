#pragma once

#include <functional>

#include "facts/cache.h"
#include "facts/probe.h"
#include "search/answer.h"
#include "search/strategy.h"
#include "worker/worker.h"

namespace batchfit {

/// What a run tells while it goes. All members may be empty.
struct TuneEvents {
  std::function<void(const Probe&)> probing;    ///< a probe begins
  std::function<void(const Record&)> recorded;  ///< a record is in the journal
};

/// What tune() works on and with.
struct TuneTask {
  const Subject& subject;
  const Limits& limits;
  const SearchSpace& space;
  const Strategy& next;
  bool strict = false;              ///< the memory limit is the worker's cap, also on a device of its own
  std::optional<Seconds> budget;    ///< for the search; looked at before each probe but the first
  std::function<bool()> cancelled;  ///< looked at after each probe
  TuneEvents events;
};

struct Tuned {
  Answer answer;
  int probes = 0;
};

/// Runs one probe under the cap that the limits give, and keeps what came back: in the journal before it
/// counts, then in the evidence. Nothing comes back where the worker was cancelled.
std::vector<Record> run_and_keep(const TuneTask& task, const Environment& environment, const Probe& probe,
                                 Worker& worker, Cache& cache, Evidence& evidence);

/// The loop that everything else serves: asks the strategy for the next probe, runs it, journals what came
/// back, until the strategy is done. `evidence` holds what the cache knew and, afterwards, all that was
/// learnt.
Tuned tune(const TuneTask& task, Worker& worker, Cache& cache, Evidence& evidence);

}  // namespace batchfit
