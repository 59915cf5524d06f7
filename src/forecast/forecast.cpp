#include "forecast/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "forecast/allocator_simulation.h"
#include "forecast/peak_line.h"

namespace batchfit {
namespace {

// Margins, as parts of the forecast, for one doubling beyond the nearest trace. Chosen on recordings of
// resnet50 and vit_b_16 (tests/forecast/forecast_test.cpp says what they reach): two traces are exact nine
// times in ten, so their margin covers small changes of a library; nothing but more traces covers large ones.
constexpr double margin_of_traces = 0.008;
constexpr double margin_of_one_trace = 0.10;
// A library that meets 2^31 elements was seen to take 41 % more and 19 % less than its smaller batches
// foretold.
constexpr double regime_change_low = 0.25;
constexpr double regime_change_high = 0.45;

// A library takes algorithms without workspaces for a few items and others with large ones from some tens on:
// cuDNN was seen to add 23 % between batches 24 and 48. Nothing in the smaller traces tells.
constexpr Batch few_items = 32;
constexpr double margin_of_first_workspaces = 0.25;

// The driver gives memory in pieces of this size, and its own use of it wanders by a piece from process to
// process.
constexpr Bytes context_wander = 2 * mebibyte;

void widen(Forecast& forecast, double below, double above) {
  forecast.low -= static_cast<Bytes>(below * static_cast<double>(forecast.own));
  forecast.high += static_cast<Bytes>(above * static_cast<double>(forecast.own));
}

/// How many times the batch was doubled, or halved, from the nearest trace.
double distance(const TraceChoice& choice, Batch batch) {
  double least = std::numeric_limits<double>::infinity();
  for (const AllocationTrace* trace : choice.traces) {
    least =
        std::min(least, std::abs(std::log2(static_cast<double>(batch) / static_cast<double>(trace->batch))));
  }
  return least;
}

/// Reserved memory by the program of several traces.
void simulate_program(Forecast& forecast, const AffineProgram& program, const TraceChoice& choice) {
  forecast.basis = Basis::traces;
  forecast.own = simulate(program.at(forecast.batch)).reserved_peak;
  forecast.low = forecast.high = forecast.own;
  if (program.inexact() > 0) {
    widen(forecast, margin_of_traces, margin_of_traces);
    forecast.reasons.push_back(
        fmt::format("{} tensors do not grow evenly with the batch", program.inexact()));
  }
  if (program.unsettled() == 0) return;
  for (const WorkspaceGuess guess : {WorkspaceGuess::low, WorkspaceGuess::high}) {
    const Bytes reserved = simulate(program.at(forecast.batch, guess)).reserved_peak;
    forecast.low = std::min(forecast.low, reserved);
    forecast.high = std::max(forecast.high, reserved);
  }
  if (forecast.high > forecast.low) {
    forecast.workspaces_unsettled = true;
    const auto& traces = choice.traces;
    forecast.reasons.push_back(fmt::format("{} workspaces changed between batches {} and {}",
                                           program.unsettled(), traces[traces.size() - 2]->batch,
                                           traces.back()->batch));
  }
}

/// The same from one trace: between no growth and growth of all that the batch divides.
void simulate_one_trace(Forecast& forecast, const TraceChoice& choice) {
  const AllocationTrace& trace = *choice.traces.back();
  forecast.basis = Basis::one_trace;
  forecast.own = simulate(AffineProgram::proportional(trace).at(forecast.batch)).reserved_peak;
  const Bytes there = simulate(trace).reserved_peak;
  forecast.low = std::min(forecast.own, there);
  forecast.high = std::max(forecast.own, there);
  forecast.reasons.push_back(choice.traces.size() == 1
                                 ? fmt::format("only batch {} was traced", trace.batch)
                                 : fmt::format("the tensors of batches {} and {} do not align",
                                               choice.traces[choice.traces.size() - 2]->batch, trace.batch));
}

/// The margins for what no trace can show.
void add_margins(Forecast& forecast, const TraceChoice& choice, const Regimes& regimes) {
  const double margin = forecast.basis == Basis::traces ? margin_of_traces : margin_of_one_trace;
  const double doublings = distance(choice, forecast.batch);
  const double far = margin * std::max(doublings, doublings * doublings);  // each doubling may bring a change
  widen(forecast, far, far);
  if (choice.traces.back()->batch < few_items && forecast.batch >= few_items) {
    widen(forecast, 0, margin_of_first_workspaces);
    forecast.reasons.push_back(fmt::format(
        "from {} items on a library may take workspaces that it had no use for before", few_items));
  }
  // One trace beyond a change does not say how a library that splits its work goes on from there.
  const bool alone_beyond = forecast.basis == Basis::one_trace && regimes.of(forecast.batch) > 0;
  if (choice.crosses_regime || alone_beyond) {
    forecast.crosses_regime = choice.crosses_regime;
    forecast.reasons.push_back("beyond 2^31 elements in a tensor the library works in another way");
    widen(forecast, regime_change_low, regime_change_high);
  }
}

/// Own memory of a batch that was run or rehearsed.
std::optional<Bytes> known_memory(const Observation& observation) {
  const bool known = observation.outcome == Outcome::measured || observation.outcome == Outcome::rehearsed;
  return known ? observation.memory.own() : std::nullopt;
}

/// A batch that was run or rehearsed needs no forecast, and one that ran out of memory takes more than it was
/// allowed.
void apply_observation(Forecast& forecast, const Observation& observation) {
  if (const auto own = known_memory(observation)) {
    forecast.own = forecast.low = forecast.high = *own;
    forecast.basis = Basis::measured;
    forecast.context = observation.memory.context;
    forecast.workspaces_unsettled = forecast.crosses_regime = false;
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

Forecaster::Forecaster(const Evidence& evidence, const ForecastOptions& options)
    : traces_(traces_of(evidence)), regimes_(traces_, options.element_bytes) {
  for (const Batch batch : evidence.observed()) {
    const Observation* observation = evidence.observation(batch);
    observed_[batch] = observation;
    if (observation->memory.resident_peak) resident_ = true;
    if (const auto own = known_memory(*observation)) peaks_[batch] = *own;
  }
  read_context();
}

void Forecaster::read_context() {
  for (const auto& [batch, observation] : observed_) {
    const auto bytes = observation->memory.context;
    if (!bytes) continue;
    context_.growth = context_.bytes ? std::max<Bytes>(0, *bytes - *context_.bytes) : 0;
    context_.bytes = bytes;
  }
}

Bytes Forecaster::untraced(const AllocationTrace& trace) const {
  const auto observation = observed_.find(trace.batch);
  const auto measured =
      observation != observed_.end() ? observation->second->memory.reserved_peak : std::nullopt;
  const Bytes peak = measured.value_or(trace.reserved_peak);
  return peak > 0 ? peak - simulate(trace).reserved_peak : 0;
}

const Forecaster::Prepared& Forecaster::prepared(const TraceChoice& choice) const {
  const AllocationTrace* last = choice.traces.back();
  const auto [entry, is_new] = prepared_.try_emplace(last);
  if (is_new) {
    if (choice.traces.size() > 1) entry->second.program = AffineProgram::align(choice.traces);
    entry->second.untraced = untraced(*last);
  }
  return entry->second;
}

/// What own memory holds beside the program's reserved memory.
HeldMemory Forecaster::beside_program(const TraceChoice& choice, const Prepared& known, Batch batch) const {
  const AllocationTrace& last = *choice.traces.back();
  std::vector<const AllocationTrace*> all;
  for (const auto& [at, trace] : traces_) all.push_back(trace);
  const HeldMemory held = held_before(all, last, batch);
  const Bytes fixed = context_.bytes.value_or(0) + known.untraced - held_reserved(last);
  const Bytes unsure = std::abs(known.untraced) + (context_.bytes ? context_wander : 0);
  return {held.likely + fixed, held.low + fixed - unsure, held.high + fixed + unsure + context_.growth};
}

std::optional<Bytes> Forecaster::at_least(Batch batch, WorkspaceGuess guess) const {
  if (traces_.empty() || resident_) return std::nullopt;
  const TraceChoice choice = choose_traces(traces_, regimes_, batch);
  const Prepared& known = prepared(choice);
  if (!known.program) return std::nullopt;
  const Bytes reserved = simulate(known.program->at(batch, guess)).reserved_peak;
  return reserved + beside_program(choice, known, batch).low;
}

Forecast Forecaster::from_traces(Batch batch) const {
  const TraceChoice choice = choose_traces(traces_, regimes_, batch);
  const Prepared& known = prepared(choice);
  Forecast forecast;
  forecast.batch = batch;
  if (known.program) {
    simulate_program(forecast, *known.program, choice);
  } else {
    simulate_one_trace(forecast, choice);
  }

  const HeldMemory beside = beside_program(choice, known, batch);
  forecast.context = context_.bytes;
  forecast.own += beside.likely;
  forecast.low += beside.low;
  forecast.high += beside.high;
  add_margins(forecast, choice, regimes_);
  if (!context_.bytes) forecast.reasons.push_back("context and libraries are not known and not counted");
  return forecast;
}

std::optional<Forecast> Forecaster::from_peaks(Batch batch) const {
  if (peaks_.empty()) return std::nullopt;
  const PeakEstimate estimate = estimate_peak(peaks_, batch);
  Forecast forecast;
  forecast.batch = batch;
  forecast.own = estimate.likely;
  forecast.low = estimate.low;
  forecast.high = estimate.high;
  forecast.basis = Basis::peaks;
  forecast.context = context_.bytes;
  forecast.reasons.push_back(fmt::format("no allocation traces: from the peaks of {} batch{}", peaks_.size(),
                                         peaks_.size() == 1 ? "" : "es"));
  return forecast;
}

std::optional<Forecast> Forecaster::at(Batch batch) const {
  auto result = traces_.empty() || resident_ ? from_peaks(batch) : from_traces(batch);
  if (!result) return std::nullopt;
  result->low = std::max<Bytes>(0, result->low);
  const auto observation = observed_.find(batch);
  if (observation != observed_.end()) apply_observation(*result, *observation->second);
  return result;
}

std::vector<Batch> Forecaster::regime_changes(Batch up_to) const {
  std::vector<Batch> changes = regimes_.changes();
  changes.erase(std::ranges::upper_bound(changes, up_to), changes.end());
  return changes;
}

std::optional<Forecast> forecast(const Evidence& evidence, Batch batch, const ForecastOptions& options) {
  return Forecaster(evidence, options).at(batch);
}

std::vector<Batch> regime_changes(const Evidence& evidence, Batch up_to, const ForecastOptions& options) {
  return Forecaster(evidence, options).regime_changes(up_to);
}

}  // namespace batchfit
