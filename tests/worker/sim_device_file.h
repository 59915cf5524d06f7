#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "facts/json.h"
#include "worker/remote_worker.h"

namespace batchfit {

/// A device file for one test: a tiny model, no noise, and the faults given.
class SimDeviceFile {
 public:
  /// The faults and the changed fields as JSON.
  explicit SimDeviceFile(const std::string& faults = "[]", const std::string& changes = "{}") {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("sim " + std::to_string(::getpid()) + "-" + std::to_string(++count) + ".json");
    Json& device = json_ =
        Json::parse(R"({"format": "batchfit-sim-device", "version": 1, "name": "test device",
      "total_memory_bytes": 1073741824, "context_bytes": 104857600, "seed": 1, "model": "tiny", "dtypes": ["fp32"],
      "capabilities": ["graph_timing", "memory_cap", "memory_counters", "peak_resets", "compare", "environment"],
      "program": [{"alloc": "x", "bytes_per_item": 4194304}, {"free": "x"}],
      "latency": {"pieces": [{"from": 1, "base_s": 0.001, "per_item_s": 0.0001}]}})");
    device.update(Json::parse(changes));
    device["faults"] = Json::parse(faults);
    if (!write_file_atomically(path_, device.dump())) std::abort();
  }
  SimDeviceFile(const SimDeviceFile&) = delete;
  SimDeviceFile& operator=(const SimDeviceFile&) = delete;
  ~SimDeviceFile() { std::filesystem::remove(path_); }

  const Json& json() const { return json_; }

  std::string command() const { return shell_quoted(SIM_WORKER) + " " + shell_quoted(path_.string()); }

  /// Options for tests. A probe's time-out is generous, so that on a slow machine it does not come before the
  /// fault that a test is about; tests of silence set their own.
  WorkerOptions options() const {
    WorkerOptions options;
    options.command = command();
    options.patience.probe = 60;
    options.graces = {.after_close = 2, .after_terminate = 0.05, .after_kill = 5};
    return options;
  }

 private:
  Json json_;
  std::filesystem::path path_;
};

inline LoadRequest tiny_request() {
  LoadRequest request;
  request.device = "sim:0";
  request.model = "tiny";
  return request;
}

/// Whether a process of this number exists, a zombie included.
inline bool exists(pid_t pid) { return std::filesystem::exists("/proc/" + std::to_string(pid)); }

/// Waits for a process to be gone, at most ten seconds; for events that nothing reports.
inline bool is_gone_soon(pid_t pid) {
  for (int i = 0; i < 2000 && exists(pid); ++i) ::usleep(5000);
  return !exists(pid);
}

}  // namespace batchfit
