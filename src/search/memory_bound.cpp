#include "search/memory_bound.h"

#include <algorithm>
#include <limits>

namespace batchfit {
namespace {

// Workers keep some of a device free for what grows outside the allocator; none keeps more.
constexpr Bytes largest_worker_margin = gibibyte;

// The driver's own memory wanders by some pieces of 2 MiB: so much more than the limit is measured and
// judged.
constexpr Bytes slack_of_cap = 16 * mebibyte;

// Memory known at b by its requests says what 4·b takes; peaks alone do not show what a library or the
// allocator changes on the way.
constexpr Batch longest_jump_by_traces = 4;
constexpr Batch longest_jump_by_peaks = 2;
// An interval that straddles the limit over fewer batches than this part of them is narrow: going there
// settles more than a trace on the way.
constexpr double narrow = 0.03;
// Of a wider one go at least this part of the way: the next forecast looks half as far.
constexpr double least_part = 0.5;

// Memory falls again where a library needs other workspaces or the allocator finds other gaps; drops of up to
// a third were seen.
constexpr double horizon = 1.5;
// A forecast takes some 50 us: so many are no wait.
constexpr Batch most_forecasts = 1000;
// Batches beyond the answer's neighbour that were looked at in vain before the search ends: a run of
// thousands of items takes seconds, its rehearsal some tens of milliseconds.
constexpr std::ptrdiff_t most_runs = 4;
constexpr std::ptrdiff_t most_rehearsals = 64;

/// What the worker leaves free: the least that its caps so far show.
Bytes worker_margin(const Evidence& evidence, const Environment& environment) {
  Bytes margin = largest_worker_margin;
  for (const Record& record : evidence.records()) {
    const auto* seen = std::get_if<Observation>(&record);
    if (seen == nullptr || !seen->cap || !seen->memory.context) continue;
    const Bytes taken = *seen->cap + *seen->memory.context + seen->conditions.others_before.value_or(0);
    margin = std::min(margin, std::max<Bytes>(0, environment.total - taken));
  }
  return margin;
}

std::optional<Bytes> holdable_of(const Evidence& evidence, const Environment& environment,
                                 std::optional<Bytes> cap) {
  if (environment.total <= 0) return cap;
  const Bytes free =
      environment.total - environment.others.value_or(0) - worker_margin(evidence, environment);
  return std::min(cap.value_or(free), free);
}

bool rehearses(const Evidence& evidence) {
  return std::ranges::any_of(evidence.records(), [](const Record& record) {
    const auto* seen = std::get_if<Observation>(&record);
    return seen != nullptr && seen->outcome == Outcome::rehearsed;
  });
}

bool has_traces(const Evidence& evidence) {
  return std::ranges::any_of(evidence.records(), [](const Record& record) {
    return std::holds_alternative<AllocationTrace>(record);
  });
}

}  // namespace

std::optional<Bytes> worker_cap(const Limits& limits, const Environment& environment, bool strict) {
  if (strict) return limits.own_memory(environment);
  if (environment.others.value_or(0) < someone_else) return std::nullopt;
  const auto allowed = limits.own_memory(environment);
  return allowed ? std::optional(*allowed + slack_of_cap) : std::nullopt;
}

MemoryBound::MemoryBound(const Evidence& evidence, const Limits& limits, const Environment& environment,
                         const SearchSpace& space)
    : forecaster_(evidence, space.forecast),
      max_batch_(space.max_batch),
      has_traces_(has_traces(evidence)),
      rehearses_(rehearses(evidence)),
      most_looks_(rehearses_ ? most_rehearsals : most_runs),
      allowed_(limits.own_memory(environment)) {
  const std::vector<Batch> tried = evidence.tried();
  tried_.insert(tried.begin(), tried.end());
  const auto cap = worker_cap(limits, environment, space.strict);
  capped_ = cap.has_value();
  holdable_ = holdable_of(evidence, environment, cap);
  if (!forecaster_.at(1)) holdable_ = allowed_ = std::nullopt;
}

Batch MemoryBound::longest_jump() const {
  return has_traces_ ? longest_jump_by_traces : longest_jump_by_peaks;
}

std::optional<Forecast> MemoryBound::forbids(Batch batch) const {
  if (!holdable_) return std::nullopt;
  auto expected = forecaster_.at(batch);
  const Bytes under_a_cap = expected->workspaces_unsettled ? expected->high : expected->own;
  if ((capped_ ? under_a_cap : expected->low) <= *holdable_) return std::nullopt;
  return expected;
}

std::optional<Batch> MemoryBound::largest_runnable(Batch from, Batch to) const {
  if (!forbids(to)) return to;
  const auto held = crossing(forecaster_, *holdable_, from, to);
  const Batch likely = capped_ && !forbids(std::max(held->likely, from)) ? held->likely : held->certain;
  const Batch largest = capped_ ? likely : held->possible;
  return largest > 0 ? std::optional(largest) : std::nullopt;
}

std::optional<Batch> MemoryBound::target(Batch passing, Batch most, bool beyond_is_measured) const {
  const Batch least = passing + 1;
  if (!allowed_ || forecaster_.at(most)->high <= *allowed_) return std::nullopt;
  const auto limit = crossing(forecaster_, *allowed_, least, most);
  if (capped_) return std::max(limit->certain, least);
  const Batch likely = std::max(limit->likely, least);
  const auto width =
      static_cast<double>(std::max(limit->possible, likely) - std::max(limit->certain, passing));
  const bool is_narrow = width <= narrow * static_cast<double>(likely);
  if (is_narrow || beyond_is_measured) return likely;
  const auto part = static_cast<Batch>(least_part * static_cast<double>(likely - passing));
  return std::clamp(std::max(limit->certain, passing + part), least, likely);
}

std::optional<Batch> MemoryBound::look_ahead(Batch failing) const {
  const auto in_vain = std::distance(tried_.upper_bound(failing), tried_.end());
  if (!allowed_ || in_vain >= most_looks_ || !expects_beyond(failing)) return std::nullopt;
  const auto furthest = std::min(max_batch_, static_cast<Batch>(horizon * static_cast<double>(failing)));
  if (furthest <= failing) return std::nullopt;
  if (!has_traces_) return std::nullopt;  // peaks alone show no drop
  if (const auto batch = likely_beyond(failing, furthest)) return batch;
  if (const auto batch = change_of_regime_beyond(failing, furthest)) return batch;
  if (const auto batch = other_workspaces_beyond(failing, furthest)) return batch;
  return rehearses_ ? no_workspaces_beyond(failing, std::min(max_batch_, longest_jump() * failing))
                    : std::nullopt;
}

/// Whether a look is worth a probe: under a cap only where nothing makes the forecast unsure.
bool MemoryBound::worth_a_look(Batch batch, Bytes expected) const {
  if (tried_.contains(batch) || expected > *allowed_ || forbids(batch)) return false;
  return !capped_ || forecaster_.at(batch)->reasons.empty();
}

/// Drops may be as narrow as a batch: every batch is looked at where there are not too many.
std::optional<Batch> MemoryBound::likely_beyond(Batch failing, Batch furthest) const {
  const Batch stride = 1 + (furthest - failing) / most_forecasts;
  for (Batch batch = furthest; batch > failing; batch -= stride) {
    if (worth_a_look(batch, forecaster_.at(batch)->own)) return batch;
  }
  return std::nullopt;
}

std::optional<Batch> MemoryBound::change_of_regime_beyond(Batch failing, Batch furthest) const {
  for (const Batch change : forecaster_.regime_changes(furthest)) {
    if (change > failing && worth_a_look(change, forecaster_.at(change)->low)) return change;
  }
  return std::nullopt;
}

/// The largest batch beyond `failing` that is within the limit, should workspaces be as guessed.
std::optional<Batch> MemoryBound::largest_within(Batch failing, Batch furthest, WorkspaceGuess guess) const {
  const Batch stride = 1 + (furthest - failing) / most_forecasts;
  for (Batch batch = furthest; batch > failing; batch -= stride) {
    const auto least = forecaster_.at_least(batch, guess);
    if (!least) return std::nullopt;
    if (*least <= *allowed_) return batch;
  }
  return std::nullopt;
}

/// Libraries need a workspace at some batches and do without at others, by the batch's divisors too: resnet50
/// in fp32 took 17 % less at batches 191 and 247 than at 192. Looked at are the largest batches that could be
/// within with the fewest, and the one after `failing`.
std::optional<Batch> MemoryBound::other_workspaces_beyond(Batch failing, Batch furthest) const {
  constexpr auto fewest = WorkspaceGuess::fewest;
  const auto largest = largest_within(failing, furthest, fewest);
  if (!largest) return std::nullopt;
  const Batch last = std::max<Batch>(failing, *largest - most_looks_ / 2);
  for (Batch batch = *largest; batch > last; --batch) {
    if (worth_a_look(batch, *forecaster_.at_least(batch, fewest))) return batch;
  }
  const Batch next = failing + 1;
  const bool looks = next <= furthest && worth_a_look(next, *forecaster_.at_least(next, fewest));
  return looks ? std::optional(next) : std::nullopt;
}

/// A workspace that every trace has may be gone further on. The furthest batch that could then be within
/// tells.
std::optional<Batch> MemoryBound::no_workspaces_beyond(Batch failing, Batch furthest) const {
  constexpr auto none = WorkspaceGuess::none;
  const auto largest = largest_within(failing, furthest, none);
  const bool looks = largest && worth_a_look(*largest, *forecaster_.at_least(*largest, none));
  return looks ? largest : std::nullopt;
}

bool MemoryBound::expects_beyond(Batch batch) const {
  return allowed_ && forecaster_.at(batch)->own > *allowed_;
}

std::optional<Forecast> beyond_memory(const Evidence& evidence, Batch batch, const Limits& limits,
                                      const Environment& environment, const ForecastOptions& options) {
  const auto allowed = limits.own_memory(environment);
  if (!allowed) return std::nullopt;
  auto expected = forecast(evidence, batch, options);
  if (!expected || expected->low <= *allowed) return std::nullopt;
  return expected;
}

}  // namespace batchfit
