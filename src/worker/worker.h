#pragma once

#include <vector>

#include "facts/evidence.h"
#include "facts/probe.h"

namespace batchfit {

/// What runs probes: a remote process (RemoteWorker), or a stand-in in a test. It neither throws nor hangs.
class Worker {
 public:
  virtual ~Worker() = default;

  /// Runs one probe. Returns an observation (and a trace, where one was taken) or a comparison; a Fault where
  /// the probe was lost; nothing where it was cancelled.
  virtual std::vector<Record> run(const Probe& probe) = 0;

  /// Device memory now, as far as it can be told; the last known where no worker is there to ask.
  virtual Environment environment() = 0;

  /// The most own memory that the next probes may take; nothing: as much as the device has free.
  virtual void set_cap(std::optional<Bytes> cap) = 0;

  /// Ends what runs the probes; the next one runs in a process of its own. A stand-in may have none.
  virtual void replace() {}

  /// Whether the next probe runs in a process that ran none before.
  virtual bool is_fresh() const { return false; }
};

}  // namespace batchfit
