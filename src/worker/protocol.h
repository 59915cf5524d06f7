#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "facts/evidence.h"
#include "facts/json.h"
#include "facts/model_input.h"
#include "facts/probe.h"
#include "facts/video.h"
#include "facts/workload.h"

namespace batchfit {

// The tuner's side of docs/protocol.md as values: requests to JSON, reply lines to structs. Nothing here does
// I/O. Every reader is strict and total: any bytes give a value or a `protocol` error that says what was
// wrong.

inline constexpr int protocol_version = 1;
inline constexpr std::size_t longest_reply_line = 16 * mebibyte;
inline constexpr std::size_t longest_request_line = mebibyte;

/// What to load, as the user asked for it. The worker's Subject says what became of it.
struct LoadRequest {
  std::string device = "cpu";  ///< as `devices` names it
  std::string model;
  std::string weights = "random";  ///< "random" or a path
  std::int64_t seed = 0;           ///< of random weights
  std::string dtype;               ///< empty: the model's first
  bool tf32 = false;
  bool channels_last = false;
  std::optional<bool> fold_batchnorm;  ///< absent: as the model is used mostly
  bool include_copies = false;
  std::string mode = "forward";
  std::map<std::string, std::int64_t> shape;  ///< named sizes
  std::vector<ModelInput> inputs;             ///< of a model that is a file, in its order
  std::string prompts;                        ///< path of a language model's; empty: none
  std::string timing = "auto";                ///< auto | graph | eager
  std::optional<std::int64_t> threads;        ///< CPU threads, where the user set them

  bool operator==(const LoadRequest&) const = default;
};

/// How a probe samples latency.
struct Sampling {
  /// The anytime-valid bound of the judge needs 7 of 7 agreeing samples at alpha = 0.05; fewer settle
  /// nothing.
  int min_samples = 7;
  /// A median of 30 graph replays repeats within their own spread (0.2-0.5 %); more cost time and settle no
  /// more.
  int max_samples = 30;
  /// Short passes reach max_samples well within this; for long ones it keeps a probe near its min_samples.
  Seconds seconds = 0.1;

  bool operator==(const Sampling&) const = default;
};

/// What a probe request says beside the probe itself.
struct ProbeDetails {
  Sampling sampling;
  bool trace = false;                  ///< add an allocation trace
  int eager_samples = 0;               ///< ordinary calls to time beside replays
  std::optional<Seconds> energy_span;  ///< run on at least this long for the joules of a pass
  std::optional<Bytes> cap;            ///< the most own memory that may be taken
  std::int64_t seed = 1;               ///< of a comparison's order
  std::int64_t attempt = 1;            ///< 1 + how often in a row this probe was lost
};

// Requests. Each holds `op` and its fields; `id` and `number` are added where they are counted.
Json hello_request(Seconds heartbeat_timeout);
Json load_request(const LoadRequest& request);
Json probe_request(const Measure& measure, const ProbeDetails& details);
Json probe_request(const Compare& compare, const ProbeDetails& details);

/// Which files to run the loaded model over, and what to write of it.
struct VideoRequest {
  Batch batch = 1;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;  ///< one an input; empty: none
  std::string json;                  ///< empty: none
  double confidence = 0.25;
  double overlap = 0.7;
  std::optional<std::int64_t> max_frames;  ///< of each input

  bool operator==(const VideoRequest&) const = default;
};
Json video_request(const VideoRequest& request);

/// A worker's error: the request failed and the worker goes on.
struct WorkerError {
  std::string kind;  ///< usage | unavailable | unsupported | out_of_memory | runtime
  std::string message;
  std::string remedy;

  /// usage and unavailable as such; everything else is a runtime error.
  Error error() const;
};

/// One reply line, its envelope checked.
struct Reply {
  Json body;
  std::optional<WorkerError> refusal;  ///< set where `ok` is false
  bool replace_worker = false;
};

/// Checks that the line is one JSON object, answers request `id`, and says whether it is ok.
Result<Reply> read_reply(std::string_view line, std::int64_t id);

/// Names of docs/protocol.md's table; those not known here are kept.
struct Capabilities {
  std::set<std::string> names;
  bool has(const std::string& name) const { return names.contains(name); }
  bool operator==(const Capabilities&) const = default;
};

/// The progress object of a line that tells of request `id`'s progress; nullopt of any other line.
std::optional<Json> read_progress(std::string_view line, std::int64_t id);

struct ModelInfo {
  std::string name;
  std::string about;
  std::vector<std::string> dtypes;
  std::vector<std::string> modes;
};

struct Hello {
  std::string worker_name;
  std::string worker_version;
  Runtime runtime;
  Capabilities capabilities;
  std::vector<ModelInfo> models;
};

struct DeviceInfo {
  std::string id;  ///< what `load` names it by: "cuda:0"
  Device device;
};

struct Loaded {
  Subject subject;
  Capabilities capabilities;       ///< in force for this device and model
  std::vector<std::string> notes;  ///< lines for people
  std::optional<Environment> environment;
  Seconds took = 0;
};

struct ProbeReply {
  std::vector<Record> records;
  std::optional<Environment> environment;
};

// Readers of the bodies of replies that are ok.
Result<Hello> read_hello(const Json& body);
Result<std::vector<DeviceInfo>> read_devices(const Json& body);
Result<Loaded> read_loaded(const Json& body);
Result<Environment> read_environment(const Json& body);

Result<VideoRun> read_video_reply(const Json& body);

/// What a worker tells while it runs over video.
struct VideoProgress {
  std::int64_t frames = 0;
  std::optional<std::int64_t> frames_total;
  Seconds seconds = 0;
};
Result<VideoProgress> read_video_progress(const Json& progress);

/// One observation of the batch that was asked for, and at most one trace of it; or one comparison of the two
/// batches with 1 to the asked number of pairs. Anything else is an error.
Result<ProbeReply> read_probe_reply(const Json& body, const Probe& asked);

}  // namespace batchfit
