#include "search/objective.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/text.h"
#include "facts/summary.h"

namespace batchfit {
namespace {

// Two probes of the same batch repeat to this: graph replays were seen to within 0.2-0.5 %, eager calls
// wander ten times as far, and NVML's energy counter moves in steps of up to 100 ms in runs of a second.
constexpr double graph_repeats = 0.005;
constexpr double eager_repeats = 0.05;
constexpr double energy_repeats = 0.02;
// Two standard errors: 95 % where samples are normal.
constexpr double errors_apart = 2;
// The standard error of a median is this many times that of a mean, where samples are normal.
constexpr double median_error = 1.2533;
// A median absolute deviation times this is a standard deviation, where samples are normal.
constexpr double deviation_of_mad = 1.4826;

double standard_error(const std::vector<Seconds>& samples, Seconds middle) {
  std::vector<double> off;
  off.reserve(samples.size());
  for (const Seconds sample : samples) off.push_back(std::abs(sample - middle));
  const double deviation = deviation_of_mad * median(std::move(off));
  return median_error * deviation / std::sqrt(static_cast<double>(samples.size())) / middle;
}

/// The best of each quantity over all candidates, that a compromise measures by.
struct Bests {
  double throughput = 0;
  Seconds latency = 0;
  Bytes own_memory = 0;
  double items_per_joule = 0;
};

double items_per_joule(const Candidate& candidate) {
  return static_cast<double>(candidate.batch) / *candidate.energy_j;
}

Bests bests_of(const std::vector<Candidate>& candidates) {
  Bests bests;
  for (const Candidate& one : candidates) {
    bests.throughput = std::max(bests.throughput, one.throughput());
    bests.latency = bests.latency == 0 ? one.latency : std::min(bests.latency, one.latency);
    if (one.own_memory) {
      bests.own_memory =
          bests.own_memory == 0 ? *one.own_memory : std::min(bests.own_memory, *one.own_memory);
    }
    if (one.energy_j) bests.items_per_joule = std::max(bests.items_per_joule, items_per_joule(one));
  }
  return bests;
}

std::optional<double> balanced_score(const Candidate& one, const Balance& weights, const Bests& bests) {
  const double sum = weights.throughput + weights.latency + weights.memory + weights.energy;
  if ((weights.memory > 0 && !one.own_memory) || (weights.energy > 0 && !one.energy_j) || sum <= 0)
    return std::nullopt;
  double log = weights.throughput * std::log(one.throughput() / bests.throughput) +
               weights.latency * std::log(bests.latency / one.latency);
  if (weights.memory > 0) {
    log += weights.memory *
           std::log(static_cast<double>(bests.own_memory) / static_cast<double>(*one.own_memory));
  }
  if (weights.energy > 0) log += weights.energy * std::log(items_per_joule(one) / bests.items_per_joule);
  return std::exp(log / sum);
}

std::optional<double> score(const Candidate& one, const Objective& objective, const Bests& bests) {
  switch (objective.goal) {
    case Goal::largest:
      break;
    case Goal::throughput:
    case Goal::cost:
      return one.throughput();
    case Goal::energy:
      return one.energy_j ? std::optional(items_per_joule(one)) : std::nullopt;
    case Goal::balanced:
      return balanced_score(one, objective.balance, bests);
  }
  return static_cast<double>(one.batch);
}

/// By how much two scores may differ and still be the same, as a share.
double noise(const Candidate& a, const Candidate& b, const Objective& objective, Timing timing) {
  const double latency = latency_noise(a.latency_error, b.latency_error, timing);
  const Balance& weights = objective.balance;
  const double sum = weights.throughput + weights.latency + weights.memory + weights.energy;
  switch (objective.goal) {
    case Goal::largest:
      break;
    case Goal::throughput:
    case Goal::cost:
      return latency;
    case Goal::energy:
      return energy_repeats;
    case Goal::balanced:
      // What throughput gains by a longer pass latency loses, so the two cancel in part.
      return (std::abs(weights.throughput - weights.latency) * latency + weights.energy * energy_repeats) /
             sum;
  }
  return 0;
}

struct Point {
  double latency;
  double throughput;
};

const Candidate& find(const std::vector<Candidate>& candidates, Batch batch) {
  return *std::find_if(candidates.begin(), candidates.end(),
                       [batch](const Candidate& one) { return one.batch == batch; });
}

bool beats(const Candidate& a, const Candidate& b) {
  const Bytes memory_a = a.own_memory.value_or(0);
  const Bytes memory_b = b.own_memory.value_or(memory_a);
  const bool as_good = a.latency <= b.latency && a.throughput() >= b.throughput() && memory_a <= memory_b;
  return as_good && (a.latency < b.latency || a.throughput() > b.throughput() || memory_a < memory_b);
}

Error no_balance(std::string_view text) {
  return {ErrorKind::usage, "--balance '" + std::string(text) + "' is not a list of weights",
          "write it as throughput=2,latency=1,memory=1,energy=0, not all of them 0"};
}

}  // namespace

double latency_noise(double error, double other_error, Timing timing) {
  return std::max(errors_apart * std::hypot(error, other_error),
                  timing == Timing::graph ? graph_repeats : eager_repeats);
}

std::optional<double> energy_of_pass(const Evidence& evidence, Batch batch) {
  std::optional<double> joules;
  for (const Observation* seen : evidence.observations(batch)) {
    if (!seen->energy_j || !seen->energy_passes || seen->conditions.disturbed()) continue;
    joules = *seen->energy_j / static_cast<double>(*seen->energy_passes);
  }
  return joules;
}

std::optional<Candidate> candidate_of(const Evidence& evidence, Batch batch) {
  const Observation* seen = evidence.observation(batch);
  const std::vector<Seconds> samples = evidence.samples(batch);
  if (seen == nullptr || samples.empty()) return std::nullopt;
  Candidate out;
  out.batch = batch;
  out.latency = median(samples);
  out.latency_error = standard_error(samples, out.latency);
  out.own_memory = seen->memory.own();
  out.energy_j = energy_of_pass(evidence, batch);
  return out;
}

std::optional<Choice> choose(const std::vector<Candidate>& candidates, const Objective& objective,
                             Timing timing) {
  const Bests bests = bests_of(candidates);
  const Candidate* top = nullptr;
  double best = 0;
  for (const Candidate& one : candidates) {
    const auto its = score(one, objective, bests);
    if (!its || (top != nullptr && *its <= best)) continue;
    top = &one;
    best = *its;
  }
  if (top == nullptr) return std::nullopt;
  Choice out{top->batch, top->batch, {}};
  for (const Candidate& one : candidates) {
    const auto its = score(one, objective, bests);
    if (!its || &one == top) continue;
    const double behind = 1 - *its / best;
    if (behind > noise(one, *top, objective, timing)) continue;
    out.near_ties.push_back({one.batch, behind});
    out.batch = std::min(out.batch, one.batch);
  }
  return out;
}

std::vector<Batch> pareto_front(const std::vector<Candidate>& candidates) {
  std::vector<Batch> front;
  for (const Candidate& one : candidates) {
    const bool beaten = std::any_of(candidates.begin(), candidates.end(),
                                    [&](const Candidate& other) { return beats(other, one); });
    if (!beaten) front.push_back(one.batch);
  }
  return front;
}

std::optional<Batch> knee(const std::vector<Candidate>& candidates, const std::vector<Batch>& front) {
  if (front.size() < 3) return std::nullopt;
  const auto point = [&](Batch batch) {
    const Candidate& one = find(candidates, batch);
    return Point{one.latency, one.throughput()};
  };
  const Point first = point(front.front());
  const Point last = point(front.back());
  const double width = last.latency - first.latency;
  const double height = last.throughput - first.throughput;
  if (width <= 0 || height <= 0) return std::nullopt;
  std::optional<Batch> out;
  double furthest = 0;
  for (const Batch batch : front) {
    const Point at = point(batch);
    const double above = (at.throughput - first.throughput) / height - (at.latency - first.latency) / width;
    if (above <= furthest) continue;
    furthest = above;
    out = batch;
  }
  return out;
}

std::vector<Batch> objective_grid(Batch largest) {
  std::vector<Batch> grid;
  for (Batch power = 1; power <= largest; power *= 2) {
    grid.push_back(power);
    if (power >= 2 && power + power / 2 <= largest) grid.push_back(power + power / 2);
  }
  if (grid.back() != largest) grid.push_back(largest);
  return grid;
}

std::string_view name_of(Goal goal) {
  switch (goal) {
    case Goal::largest:
      break;
    case Goal::throughput:
      return "throughput";
    case Goal::cost:
      return "cost";
    case Goal::energy:
      return "energy";
    case Goal::balanced:
      return "balanced";
  }
  return "largest";
}

std::vector<std::string> goal_names() {
  std::vector<std::string> names;
  names.reserve(goals.size());
  for (const Goal goal : goals) names.emplace_back(name_of(goal));
  return names;
}

Result<Goal> parse_goal(std::string_view name) {
  for (const Goal goal : goals) {
    if (name == name_of(goal)) return goal;
  }
  auto near = nearest(name, goal_names());
  return failure(ErrorKind::usage, "there is no objective '" + std::string(name) + "'",
                 "use " + join_words(near.empty() ? goal_names() : near));
}

Result<Balance> parse_balance(std::string_view text) {
  Balance out{0, 0, 0, 0};
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) return failure(no_balance(text));
    const std::string_view name = part.substr(0, equals);
    double* weight = name == "throughput" ? &out.throughput
                     : name == "latency"  ? &out.latency
                     : name == "memory"   ? &out.memory
                     : name == "energy"   ? &out.energy
                                          : nullptr;
    const std::string number(part.substr(equals + 1));
    char* end = nullptr;
    const double value = std::strtod(number.c_str(), &end);
    const bool whole = !number.empty() && end == number.c_str() + number.size();
    if (weight == nullptr || !whole || !std::isfinite(value) || value < 0) return failure(no_balance(text));
    *weight = value;
  }
  if (out.throughput + out.latency + out.memory + out.energy <= 0) return failure(no_balance(text));
  return out;
}

}  // namespace batchfit
