#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/reply.h"
#include "facts/model_input.h"
#include "facts/workload.h"

namespace batchfit {

/// What the tuner asked for; docs/protocol.md, load.
struct LoadRequest {
  std::string device = "cpu";  ///< "cpu", "cuda:0"
  std::string model;
  std::string weights = "random";  ///< "random", or a path
  std::int64_t seed = 0;
  std::string dtype;  ///< empty: the model's first
  bool tf32 = false;
  bool channels_last = false;
  std::optional<bool> fold_batchnorm;  ///< absent: as the model is used mostly
  bool include_copies = false;
  std::string mode = "forward";
  std::map<std::string, std::int64_t> shape;
  std::vector<ModelInput> inputs;       ///< of a model that is a file
  std::string prompts;                  ///< path of a language model's; empty: none
  std::optional<Timing> timing;         ///< absent: "auto"
  std::optional<std::int64_t> threads;  ///< CPU threads, where the user set them
};

/// When to stop taking samples.
struct SamplingPlan {
  std::int64_t min_samples = 7;
  std::int64_t max_samples = 30;
  Seconds seconds = 0.1;
};

struct ProbeRequest {
  Batch batch = 1;
  SamplingPlan sampling;
  std::optional<Bytes> cap;        ///< the most own memory (context and allocator) that may be taken
  bool trace = false;              ///< record the allocations of a pass
  std::int64_t eager_samples = 0;  ///< under graph timing: ordinary calls to time too
  bool rehearse = false;           ///< its memory is enough; the pass need not be run
  Seconds energy_seconds = 0;      ///< run on at least this long for the joules of a pass; 0: do not
};

struct CompareRequest {
  Batch reference = 1;
  Batch candidate = 1;
  std::int64_t pairs = 0;
  std::int64_t seed = 0;
};

// Readers of the requests' JSON; a misshapen field is a `usage` refusal that names it.
Answer<LoadRequest> load_request(const Json& json);
Answer<ProbeRequest> probe_request(const Json& json);
Answer<CompareRequest> compare_request(const Json& json);

}  // namespace batchfit
