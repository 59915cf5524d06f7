#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"

namespace batchfit {

enum class Timing {
  graph,  ///< device time of a CUDA graph replay
  eager,  ///< time of an ordinary call, launches included
};

/// The prompts that a language model's batches are made of, where they come from a file.
struct PromptSet {
  std::string digest;        ///< of all token ids
  std::int64_t count = 0;    ///< of prompts
  std::int64_t tokens = 0;   ///< of all of them together
  std::int64_t padding = 0;  ///< ids that fill them up to one length

  /// Of all ids, those that are padding: 0 to 1.
  double padding_share() const {
    return static_cast<double>(padding) / static_cast<double>(tokens + padding);
  }

  bool operator==(const PromptSet&) const = default;
};

/// What is run: everything about the model and its input that may change a measurement, except the batch.
struct Workload {
  std::string model;               ///< "resnet50"
  std::string weights = "random";  ///< "random", or a digest of the weights' bytes
  std::string model_code;          ///< version of the code that builds the model, as the worker states it
  std::string dtype = "fp32";      ///< fp32 | fp16 | bf16, or another name the worker knows
  bool tf32 = false;               ///< TF32 allowed in fp32 products
  bool channels_last = false;      ///< NHWC memory format
  bool folded_batchnorm = false;   ///< BatchNorm folded into convolutions
  bool include_copies = false;     ///< timed with the copy of the inputs to the device
  std::string mode = "forward";    ///< forward | prefill | decode | generate
  std::vector<std::int64_t> input_shape;      ///< of one item, without the batch dimension
  std::map<std::string, std::int64_t> shape;  ///< named sizes ("length": 512), where the model has any
  std::optional<PromptSet> prompts;           ///< absent: ids are random, or the model takes none
  Timing timing = Timing::eager;
  std::optional<std::int64_t> threads;  ///< CPU threads; absent where the device is no CPU

  bool operator==(const Workload&) const = default;
};

/// Where it is run: what identifies a device for a fact. Two devices that are equal here are interchangeable.
struct Device {
  std::string kind;                     ///< cuda | cpu | sim
  std::string name;                     ///< "NVIDIA H200"; the processor's model for a CPU
  Bytes total_memory = 0;               ///< the device's, or what a CPU process may use (cgroup or machine)
  std::optional<std::string> mig;       ///< MIG profile, where the device is a slice
  std::optional<double> power_limit_w;  /// enforced power limit
  std::optional<std::string> driver;    ///< driver version

  bool operator==(const Device&) const = default;
};

/// What runs it, as the worker states it.
struct Runtime {
  std::string name;     ///< "libtorch"
  std::string version;  ///< "2.11.0+cu130"
  std::map<std::string, std::string>
      details;  ///< whatever else may change a fact: cudnn, allocator settings, …

  bool operator==(const Runtime&) const = default;
};

/// What a set of evidence is about. Its canonical JSON is the key of the cache.
struct Subject {
  Device device;
  Runtime runtime;
  Workload workload;

  bool operator==(const Subject&) const = default;
};

}  // namespace batchfit
