#include "forecast/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "forecast/affine_program.h"
#include "forecast/allocator_simulation.h"
#include "forecast/held_memory.h"
#include "forecast/peak_line.h"

namespace batchfit {
namespace {

// Margins, as parts of the forecast. Chosen on recordings of resnet50 and vit_b_16
// (tests/forecast/forecast_test.cpp says what they reach): two traces are exact nine times in ten, so their
// margin covers what a library changes at the next doubling.
constexpr double margin_of_traces = 0.008;
constexpr double margin_of_one_trace = 0.10;
// A library that meets 2^31 elements was seen to take 41 % more and 19 % less than its smaller batches
// foretold.
constexpr double regime_change_low = 0.25;
constexpr double regime_change_high = 0.45;

constexpr Bytes elements_of_a_regime = Bytes{1} << 31;

using Traces = std::map<Batch, const AllocationTrace*>;

/// Whether its sizes add up to what 64-bit counters can hold; what a worker sends is checked no further than
/// its form.
bool plausible(const AllocationTrace& trace) {
  double bytes = static_cast<double>(trace.reserved_before) + static_cast<double>(trace.allocated_before);
  for (const AllocationEvent& event : trace.events) bytes += static_cast<double>(event.bytes);
  for (const SegmentState& segment : trace.segments_before) {
    for (const SegmentState::Block& block : segment.blocks) bytes += static_cast<double>(block.bytes);
  }
  return bytes < 0x1p60;
}

/// The latest trace of each batch.
Traces traces_of(const Evidence& evidence) {
  Traces traces;
  for (const Record& record : evidence.records()) {
    const auto* trace = std::get_if<AllocationTrace>(&record);
    if (trace != nullptr && plausible(*trace)) traces[trace->batch] = trace;
  }
  return traces;
}

/// Batches at which the trace's tensors reach 2^31 elements if they scale with the batch; ascending,
/// distinct.
std::vector<Batch> thresholds(const AllocationTrace& trace, const ForecastOptions& options) {
  std::vector<Batch> batches;
  for (const Bytes bytes : tensors_of(trace)) {
    const auto full = static_cast<double>(elements_of_a_regime) * static_cast<double>(options.element_bytes);
    const double at =
        std::ceil(full * static_cast<double>(trace.batch) / static_cast<double>(std::max<Bytes>(1, bytes)));
    if (at < 9e18) batches.push_back(static_cast<Batch>(at));
  }
  std::ranges::sort(batches);
  batches.erase(std::unique(batches.begin(), batches.end()), batches.end());
  return batches;
}

/// How many kinds of tensors have 2^31 elements or more.
std::ptrdiff_t regime(const std::vector<Batch>& batches, Batch batch) {
  return std::ranges::upper_bound(batches, batch) - batches.begin();
}

/// The traces a forecast is made from: all of one regime, that of the batch where any trace is of it.
struct Choice {
  const AllocationTrace* smaller = nullptr;  ///< absent: the larger one alone
  const AllocationTrace* larger = nullptr;
  const AllocationTrace* check = nullptr;  ///< the next smaller one
  bool crosses_regime = false;
};

Choice choose(const Traces& traces, const std::vector<Batch>& changes, Batch batch) {
  std::vector<const AllocationTrace*> same;
  for (const auto& [at, trace] : traces) {
    if (regime(changes, at) == regime(changes, batch)) same.push_back(trace);
  }
  Choice choice;
  choice.crosses_regime = same.empty();
  if (same.empty()) {
    // None of its own: those of the nearest regime below, or above where there is none below.
    const auto above = traces.upper_bound(batch);
    const Batch nearest = above == traces.begin() ? above->first : std::prev(above)->first;
    for (const auto& [at, trace] : traces) {
      if (regime(changes, at) == regime(changes, nearest)) same.push_back(trace);
    }
  }
  // The first trace beyond the batch, or the largest; with its two predecessors.
  const auto beyond =
      std::ranges::find_if(same, [&](const AllocationTrace* trace) { return trace->batch > batch; });
  auto last = static_cast<std::size_t>(beyond - same.begin());
  last = std::min(std::max<std::size_t>(last, 1), same.size() - 1);
  choice.larger = same[last];
  if (last >= 1) choice.smaller = same[last - 1];
  if (last >= 2) choice.check = same[last - 2];
  return choice;
}

/// Context of the largest batch that was measured, and how much it grew since the batch before it: kernels
/// are loaded when first used, so it may grow so once more.
struct Context {
  std::optional<Bytes> bytes;
  Bytes growth = 0;
};

Context context_of(const Evidence& evidence) {
  Context context;
  for (const Batch batch : evidence.observed()) {
    const auto bytes = evidence.observation(batch)->memory.context;
    if (!bytes) continue;
    context.growth = context.bytes ? std::max<Bytes>(0, *bytes - *context.bytes) : 0;
    context.bytes = bytes;
  }
  return context;
}

/// Reserved as measured at the trace's batch, less what its own replay gives: requests the trace does not
/// show.
Bytes untraced(const Evidence& evidence, const AllocationTrace& trace) {
  const Observation* observation = evidence.observation(trace.batch);
  const auto measured = observation != nullptr ? observation->memory.reserved_peak : std::nullopt;
  const Bytes peak = measured.value_or(trace.reserved_peak);
  return peak > 0 ? peak - simulate(trace).reserved_peak : 0;
}

void widen(Forecast& forecast, double below, double above) {
  forecast.low -= static_cast<Bytes>(below * static_cast<double>(forecast.own));
  forecast.high += static_cast<Bytes>(above * static_cast<double>(forecast.own));
}

/// Reserved memory from the chosen traces.
void simulate_program(Forecast& forecast, const Choice& choice) {
  const auto program = choice.smaller != nullptr
                           ? AffineProgram::align(*choice.smaller, *choice.larger, choice.check)
                           : std::nullopt;
  if (!program) {
    forecast.basis = Basis::one_trace;
    const AffineProgram scaled = AffineProgram::proportional(*choice.larger);
    forecast.own = simulate(scaled.at(forecast.batch)).reserved_peak;
    const Bytes there = simulate(*choice.larger).reserved_peak;
    forecast.low = std::min(forecast.own, there);
    forecast.high = std::max(forecast.own, there);
    forecast.reasons.push_back(choice.smaller == nullptr
                                   ? fmt::format("only batch {} was traced", choice.larger->batch)
                                   : fmt::format("the tensors of batches {} and {} do not align",
                                                 choice.smaller->batch, choice.larger->batch));
    return;
  }
  forecast.basis = Basis::traces;
  forecast.own = simulate(program->at(forecast.batch)).reserved_peak;
  forecast.low = forecast.high = forecast.own;
  if (program->inexact() > 0) {
    widen(forecast, margin_of_traces, margin_of_traces);
    forecast.reasons.push_back(
        fmt::format("{} tensors do not grow evenly with the batch", program->inexact()));
  }
  if (program->unsettled() == 0) return;
  for (const WorkspaceGuess guess : every_guess) {
    const Bytes reserved = simulate(program->at(forecast.batch, guess)).reserved_peak;
    forecast.low = std::min(forecast.low, reserved);
    forecast.high = std::max(forecast.high, reserved);
  }
  if (forecast.high > forecast.low) {
    forecast.reasons.push_back(fmt::format("{} workspaces changed between batches {} and {}",
                                           program->unsettled(), choice.smaller->batch,
                                           choice.larger->batch));
  }
}

/// How many times the batch was doubled beyond the larger trace; at least 1, so that a step within it counts
/// as one.
double doublings(Batch from, Batch to) {
  return std::max(1.0, std::log2(static_cast<double>(to) / static_cast<double>(from)));
}

std::optional<Forecast> forecast_from_traces(const Evidence& evidence, const Traces& traces, Batch batch,
                                             const ForecastOptions& options) {
  if (traces.empty()) return std::nullopt;
  const std::vector<Batch> changes = thresholds(*traces.rbegin()->second, options);
  const Choice choice = choose(traces, changes, batch);
  Forecast forecast;
  forecast.batch = batch;
  simulate_program(forecast, choice);

  std::vector<const AllocationTrace*> all;
  for (const auto& [at, trace] : traces) all.push_back(trace);
  const HeldMemory held = held_before(all, *choice.larger, batch);
  const Bytes held_there = held_reserved(*choice.larger);
  forecast.own += held.likely - held_there;
  forecast.low += held.low - held_there;
  forecast.high += held.high - held_there;

  const Context context = context_of(evidence);
  const Bytes beside = untraced(evidence, *choice.larger);
  const Bytes fixed = context.bytes.value_or(0) + beside;
  forecast.context = context.bytes;
  forecast.own += fixed;
  forecast.low += fixed - std::abs(beside);
  forecast.high += fixed + std::abs(beside) + context.growth;

  const double margin = forecast.basis == Basis::traces ? margin_of_traces : margin_of_one_trace;
  const double far = margin * doublings(choice.larger->batch, batch);
  widen(forecast, far, far);
  // One trace beyond a change does not say how a library that splits its work goes on from there.
  const bool alone_beyond = forecast.basis == Basis::one_trace && regime(changes, batch) > 0;
  if (choice.crosses_regime || alone_beyond) {
    forecast.crosses_regime = choice.crosses_regime;
    forecast.reasons.push_back("beyond 2^31 elements in a tensor the library works in another way");
    widen(forecast, regime_change_low, regime_change_high);
  }
  if (!context.bytes) forecast.reasons.push_back("context and libraries are not known and not counted");
  return forecast;
}

std::optional<Forecast> forecast_from_peaks(const Evidence& evidence, Batch batch) {
  std::map<Batch, Bytes> peaks;
  for (const Batch at : evidence.observed()) {
    const Observation* observation = evidence.observation(at);
    if (observation->outcome != Outcome::measured) continue;
    if (const auto own = observation->memory.own()) peaks[at] = *own;
  }
  if (peaks.empty()) return std::nullopt;
  const PeakEstimate estimate = estimate_peak(peaks, batch);
  Forecast forecast;
  forecast.batch = batch;
  forecast.own = estimate.likely;
  forecast.low = estimate.low;
  forecast.high = estimate.high;
  forecast.basis = Basis::peaks;
  forecast.context = context_of(evidence).bytes;
  forecast.reasons.push_back(fmt::format("no allocation traces: from the peaks of {} batch{}", peaks.size(),
                                         peaks.size() == 1 ? "" : "es"));
  return forecast;
}

/// A batch that was run needs no forecast, and one that ran out of memory takes more than it was allowed.
void apply_observation(Forecast& forecast, const Observation& observation) {
  if (const auto own = observation.memory.own(); observation.outcome == Outcome::measured && own) {
    forecast.own = forecast.low = forecast.high = *own;
    forecast.basis = Basis::measured;
    forecast.context = observation.memory.context;
    forecast.crosses_regime = false;
    forecast.reasons.clear();
  } else if (observation.outcome == Outcome::out_of_memory && observation.cap) {
    forecast.low = std::max(forecast.low, *observation.cap);
    forecast.own = std::max(forecast.own, forecast.low);
    forecast.high = std::max(forecast.high, forecast.own);
    forecast.reasons.push_back("it ran out of memory before");
  }
}

}  // namespace

Bytes element_bytes(std::string_view dtype) {
  if (dtype == "fp16" || dtype == "bf16") return 2;
  if (dtype == "fp8" || dtype == "int8") return 1;
  return 4;
}

std::optional<Forecast> forecast(const Evidence& evidence, Batch batch, const ForecastOptions& options) {
  const Observation* observation = evidence.observation(batch);
  const Traces traces = traces_of(evidence);
  // A CPU's peak is that of the process: its traces say what tensors take, not what the process does.
  const auto observed = evidence.observed();
  const bool resident = std::ranges::any_of(
      observed, [&](Batch at) { return evidence.observation(at)->memory.resident_peak.has_value(); });
  auto result = resident ? std::nullopt : forecast_from_traces(evidence, traces, batch, options);
  if (!result) result = forecast_from_peaks(evidence, batch);
  if (!result) return std::nullopt;
  result->low = std::max<Bytes>(0, result->low);
  if (observation != nullptr) apply_observation(*result, *observation);
  return result;
}

std::vector<Batch> regime_changes(const Evidence& evidence, Batch up_to, const ForecastOptions& options) {
  const Traces traces = traces_of(evidence);
  if (traces.empty()) return {};
  std::vector<Batch> changes = thresholds(*traces.rbegin()->second, options);
  changes.erase(std::ranges::upper_bound(changes, up_to), changes.end());
  return changes;
}

}  // namespace batchfit
