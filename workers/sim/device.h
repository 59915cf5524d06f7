#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "facts/json.h"

namespace batchfit::sim {

/// What turns a program into reserved memory.
enum class AllocatorRules {
  sums,     ///< the sum of what is live, rounded up
  caching,  ///< PyTorch's caching allocator
};

/// One step of a pass: an allocation of `bytes + bytes_per_item * batch`, or the end of one.
struct ProgramStep {
  std::string block;
  bool is_free = false;
  Bytes bytes = 0;
  Bytes bytes_per_item = 0;
  Batch from_batch = 1;              ///< an allocation is there from this batch on
  std::optional<Batch> until_batch;  ///< … up to, not including, this one
  bool is_there_at(Batch batch) const {
    return batch >= from_batch && (!until_batch || batch < *until_batch);
  }
};

/// From this batch on (to the next piece) a pass takes `base + per_item * batch` on the device.
struct LatencyPiece {
  Batch from = 1;
  Seconds base = 0;
  Seconds per_item = 0;
};

/// Each begun `every` items add `extra`: a wave of blocks on the processors.
struct LatencySteps {
  Batch every = 1;
  Seconds extra = 0;
};

/// Multiples of `every` take `factor` times as long: a size that fits the hardware.
struct LatencyDip {
  Batch every = 1;
  double factor = 1;
};

/// A size of the input that a load may name. At `standard` the device is as the rest of its file says; at
/// another size, what grows with the batch grows with the size too.
struct NamedSize {
  std::string name;
  std::int64_t standard = 1;
  std::vector<LatencyDip> dips;  ///< of sizes instead of batches
};

/// What a pass takes of energy, in joules.
struct PassEnergy {
  double base = 0;
  double per_item = 0;
};

/// Standard deviations of the logarithm of a sample; the median of many samples is the true latency.
struct Noise {
  double graph = 0;
  double eager = 0;
};

/// Probes `from_probe` to `until_probe - 1` (no end where absent), by the tuner's count from 1.
struct ProbeSpan {
  std::int64_t from = 0;
  std::optional<std::int64_t> until;
  bool holds(std::int64_t probe) const { return probe >= from && (!until || probe < *until); }
};

struct Throttling {
  ProbeSpan probes;
  double slowdown = 1;
  std::string reason = "sw_thermal_slowdown";
};

struct Neighbour {
  ProbeSpan probes;
  Bytes bytes = 0;
};

/// A fault on request; faults.h lists the kinds.
struct PlannedFault {
  std::string kind;
  std::string op = "probe";
  std::optional<Batch> batch;         ///< only at this batch (a comparison's candidate)
  std::optional<std::int64_t> probe;  ///< only at this probe, by the tuner's count
  std::int64_t times = 1;             ///< how many attempts in a row meet it, where no `probe` is given
  Seconds wall = 0;                   ///< of a slow answer: really waited
};

/// A simulated device and the one model on it, as docs/simulated-device.md describes the file.
struct SimDevice {
  std::string
      digest;  ///< 16 hexadecimal digits, XXH3-64 of the file's JSON: facts of another file are others
  std::string name;
  Bytes total_memory = 0;
  Bytes context = 0;
  std::int64_t seed = 0;
  std::vector<std::string> capabilities;
  std::string model;
  std::vector<std::string> dtypes;
  std::vector<std::int64_t> input_shape;
  Bytes weights = 0;
  AllocatorRules allocator = AllocatorRules::sums;
  std::vector<ProgramStep> program;
  std::vector<LatencyPiece> pieces;  ///< ascending `from`, the first from 1
  std::optional<LatencySteps> steps;
  std::vector<LatencyDip> dips;
  std::optional<NamedSize> size;
  Seconds launch_overhead = 0;
  Noise noise;
  PassEnergy energy;
  double drift_per_probe = 0;
  std::vector<Throttling> throttling;
  std::vector<Neighbour> neighbours;
  std::vector<PlannedFault> faults;
  Seconds probe_wall = 0;  ///< really waited in each probe
};

/// The device as it is for inputs of this size; absent where it has no named size, or the size is not 1 or
/// more, or makes bytes that no file may state.
std::optional<SimDevice> at_size(const SimDevice& device, std::int64_t size);

/// corrupt error that names the field; any JSON may be given.
Result<SimDevice> device_from_json(const Json& json);

}  // namespace batchfit::sim
