#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tune/tuned.h"

namespace batchfit {

/// What is known of one batch, over all its observations. Every export takes its numbers from here, so they
/// agree.
struct BatchFigures {
  Batch batch = 1;
  std::optional<Outcome> outcome;  ///< absent where every try ended in a fault of the worker
  std::string reason;  ///< why it was not measured, or what is wrong with how it was: the allocator thrashed
  int samples = 0;     ///< latency samples behind the next four
  std::optional<Seconds> latency;  ///< median
  std::optional<Seconds> latency_min;
  std::optional<Seconds> latency_max;
  std::optional<double> latency_error;  ///< standard error of the median, as a share of it
  std::optional<Seconds>
      eager_latency;  ///< of an ordinary call, where graph replays were timed: the shortest
  std::optional<Seconds>
      first_token;  ///< of passes that make tokens one after the other: median until the first
  std::optional<double> throughput;       ///< items a second: batch / latency
  std::optional<double> energy_per_item;  ///< joules
  std::optional<Bytes> own_memory;
  std::optional<Bytes> allocated_peak;
  std::optional<Bytes> reserved_peak;
  std::optional<double> tokens;  ///< of a language model: tokens read or made a second
  int faults = 0;                ///< of the worker, on this batch
  /// What disturbed its measurements or stood beside them, each once: "throttled: hardware thermal slowdown".
  std::vector<std::string> marks;
};

BatchFigures figures_of(const Evidence& evidence, Batch batch);

/// Tokens that a language model reads or makes a second; absent where the workload is none of one.
std::optional<double> tokens_per_second(const BatchFigures& figures, const Workload& workload);

/// Of every batch that was tried, ascending.
std::vector<BatchFigures> figures_of(const Evidence& evidence);

/// The largest batch up to which every one that was measured is launch-bound: an ordinary call of it takes
/// clearly longer than a replay of its graph. Absent where batch 1 is not, or nothing was timed eagerly.
std::optional<Batch> launch_bound_up_to(const Evidence& evidence);

/// The answer of one workload in numbers: a row of the table. Absent where there is no answer or it is not
/// known.
struct AnswerFigures {
  std::optional<Batch> batch;
  std::optional<Seconds> latency;         ///< median
  std::optional<double> latency_share;    ///< of the limit
  std::optional<Bytes> memory;            ///< device memory in use, or own memory where the limit is on that
  std::optional<double> memory_share;     ///< of the limit
  std::optional<double> throughput;       ///< items a second
  std::optional<double> tokens;           ///< of a language model: tokens read or made a second
  std::optional<Seconds> token_interval;  ///< of mode generate: between two tokens of a sequence
  std::optional<double> usd_per_million_tokens;  ///< absent where the price is not known
  std::optional<double> speed_up;                ///< throughput over that of batch 1
  std::optional<std::string> limited_by;         ///< absent where there is no answer
};

AnswerFigures answer_figures(const TunedWorkload& tuned);

}  // namespace batchfit
