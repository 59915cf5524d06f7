#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "facts/evidence.h"
#include "facts/video.h"
#include "facts/workload.h"
#include "judge/limits.h"
#include "search/answer.h"
#include "search/relaxation.h"
#include "tune/input_sizes.h"

namespace batchfit {

/// One input of a workload's distribution, measured at the answer's batch.
struct DistributionPoint {
  WeightedSizes input;
  std::optional<Subject> subject;          ///< absent where the model could not be loaded for it
  std::optional<Error> error;              ///< why not
  std::optional<Observation> observation;  ///< absent where no try was answered
};

/// The inputs that an answer is for, where they are not all alike.
struct MeasuredDistribution {
  std::string told;  ///< for people: "length 128 to 2048"
  /// The sizes asked for at their largest; the subject's may have others that the model has by itself.
  std::map<std::string, std::int64_t> largest;
  std::vector<DistributionPoint> points;  ///< empty where there is no answer to measure them at
};

/// What running the answer for a while showed (--confirm).
struct Confirmation {
  Batch batch = 1;
  Seconds seconds = 0;                 ///< that it ran
  Ruling ruling;                       ///< from the confirmation's records alone
  std::optional<double> drift;         ///< of its latency from first to last: 0.02 is 2 % slower
  std::optional<Bytes> memory_growth;  ///< of its own memory from first to last
  std::vector<std::string> throttle_reasons;

  bool broken() const { return ruling.verdict == Verdict::fail; }
};

/// The pipeline over video around a workload, run at several batches.
struct TunedPipeline {
  std::vector<std::string> videos;
  double frames_per_second = 25;  ///< of a live stream
  std::vector<VideoRun> runs;     ///< ascending by batch, which the limits allow
  std::optional<Error> error;     ///< why there is none, or no more
};

/// One workload of a run, with all that reports are made from.
struct TunedWorkload {
  std::string model;               ///< as the user named it
  std::optional<Subject> subject;  ///< absent where the model could not be loaded
  std::vector<std::string> notes;  ///< of the worker, for people ("weights: random (seed 0)")
  std::optional<Error> error;      ///< why there is no answer at all
  Answer answer;
  std::vector<Relaxation> relaxations;       ///< what looser limits would buy
  std::optional<Confirmation> confirmation;  ///< where one was asked for and there is an answer
  Evidence evidence;
  Environment environment;
  std::optional<MeasuredDistribution> distribution;  ///< absent where all inputs are alike
  std::optional<TunedPipeline> pipeline;             ///< where video was named
  int probes = 0;           ///< made by this run; 0 where all evidence came from the cache
  Seconds seconds = 0;      ///< wall time of this run for the workload
  bool from_cache = false;  ///< no worker was started for it
};

/// One call of `batchfit tune`.
struct TuneRun {
  std::string version;               ///< of batchfit
  std::vector<std::string> command;  ///< the command line
  double started_at = 0;             ///< seconds since the epoch
  Limits limits;
  std::string strategy;
  Objective objective;
  std::vector<TunedWorkload> workloads;
  Seconds seconds = 0;       ///< whole run
  Seconds nvml_seconds = 0;  ///< of those, spent in the driver's management library
};

}  // namespace batchfit
