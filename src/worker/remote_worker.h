#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/process.h"
#include "worker/protocol.h"
#include "worker/session.h"
#include "worker/worker.h"

namespace batchfit {

/// How long the tuner waits for an answer, as docs/protocol.md states it.
struct Patience {
  Seconds hello = 120;  ///< also `devices`: importing a framework from a cold network disk
  Seconds load = 900;   ///< reading tens of gigabytes of weights
  Seconds probe = 300;  ///< also `compare`, and between two lines of progress of `run_video`
  Seconds other = 30;
};

struct WorkerOptions {
  std::string command;  ///< for `/bin/sh -c "exec env COMMAND"`; quote a path with shell_quoted
  Sampling sampling;
  bool trace = true;  ///< ask for a trace with each probe, where the worker can take one
  Patience patience;
  Graces graces;
  Seconds heartbeat_timeout = 30;        ///< a worker that hears nothing for this long ends itself
  bool show_stderr = false;              ///< pass the worker's stderr through
  const Cancellation* cancel = nullptr;  ///< ends every wait at once; must outlive the worker
};

/// A Worker behind docs/protocol.md. It starts its process when first used, replaces it after a fault (with
/// the same hello and load) on the next use, and on devices without `peak_resets` for each probe of memory.
/// For one thread.
class RemoteWorker : public Worker {
 public:
  explicit RemoteWorker(WorkerOptions options);
  ~RemoteWorker() override;

  // Each starts the process if there is none. Errors: what the worker refuses with, as its kind says;
  // protocol, timeout, runtime (it ended), unavailable (it cannot be started), interrupted. The message names
  // the command.
  Result<Hello> hello();
  Result<std::vector<DeviceInfo>> devices();
  Result<Loaded> load(const LoadRequest& request);  ///< also says what later replacements load
  Result<void> release();

  /// Whether the loaded model runs over video; usage error where it does not.
  Result<void> check_video() const;

  /// Runs the loaded model over video, and `told` how far it is. Where the cancellation is raised it ends in
  /// good order, and what was done is the answer. usage error where the worker cannot, or the model finds no
  /// poses.
  Result<VideoRun> run_video(const VideoRequest& request,
                             const std::function<void(const VideoProgress&)>& told);

  /// Ends the process, politely where it still answers.
  void quit();

  /// Needs a load() that succeeded. A refused measurement is an observation that failed. A refused comparison
  /// is a Fault of kind "worker" (also for out-of-memory: that two batches do not fit together says nothing
  /// about either), so that the retries of a strategy are bounded. What this worker cannot rehearse is run.
  /// Cancelled: no record.
  std::vector<Record> run(const Probe& probe) override;

  /// Asks the worker where one is running that can tell; else the last environment.
  Environment environment() override;

  /// The environment of the last reply that had one; before any, all is 0 and unknown.
  const Environment& last_environment() const { return environment_; }

  /// The most own memory that the next probes may take; nothing: as much as the device has free.
  void set_cap(std::optional<Bytes> cap) override { cap_ = cap; }

  void replace() override { quit(); }
  bool is_fresh() const override { return !session_; }

  /// The running process, for messages and tests.
  std::optional<pid_t> pid() const;

 private:
  Result<Reply> ask(Json request, Seconds timeout, const Session::Told& told = nullptr);
  template <class T>
  Result<T> ask_for(Json request, Seconds timeout, Result<T> (*read)(const Json&));
  Result<void> ensure_session();
  Result<void> ensure_loaded();
  Result<Loaded> load_now(const LoadRequest& request);
  std::vector<Record> run_once(const Probe& probe);
  std::vector<Record> measured(const Probe& probe, const Reply& reply, double started_at);
  std::vector<Record> lost(const Probe& probe, std::string fault_kind, const std::string& detail);
  ProbeDetails details_of(const Probe& probe) const;
  bool can(const char* capability) const;
  bool cancelled() const { return options_.cancel != nullptr && options_.cancel->raised(); }
  std::string end_session();

  WorkerOptions options_;
  std::unique_ptr<Session> session_;
  std::optional<Hello> hello_;            ///< of the first process; later ones must speak the protocol too
  std::optional<LoadRequest> requested_;  ///< what is, or is to be, loaded
  std::optional<Loaded> loaded_;          ///< what the worker said of it first
  bool is_loaded_ = false;                ///< in this session
  bool peaks_used_ = false;  ///< this session has run a probe, and its memory peaks are that probe's
  Environment environment_;
  std::optional<Bytes> cap_;
  std::int64_t probes_ = 0;  ///< run or lost
  std::optional<Probe> last_lost_;
  std::int64_t lost_in_a_row_ = 0;
  bool rehearsals_fail_ = false;  ///< of the loaded model: it is run instead
};

}  // namespace batchfit
