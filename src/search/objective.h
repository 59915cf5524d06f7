#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "facts/evidence.h"
#include "facts/workload.h"

namespace batchfit {

/// What an answer is for: which of the batches that pass it is.
enum class Goal {
  largest,     ///< the largest
  throughput,  ///< most items a second
  cost,        ///< fewest dollars an item; where the device is paid by the hour that is most items a second
  energy,      ///< fewest joules an item
  balanced,    ///< the best compromise by the user's weights
};

/// How much each quantity counts in a compromise, relative to the others; 0: not at all.
struct Balance {
  double throughput = 1;
  double latency = 1;
  double memory = 1;
  double energy = 0;
  bool operator==(const Balance&) const = default;
};

struct Objective {
  Goal goal = Goal::largest;
  Balance balance;

  /// Whether it compares joules.
  bool needs_energy() const { return goal == Goal::energy || (goal == Goal::balanced && balance.energy > 0); }
  bool operator==(const Objective&) const = default;
};

/// A batch that passes, and what was measured of it.
struct Candidate {
  Batch batch = 1;
  Seconds latency = 0;       ///< median
  double latency_error = 0;  ///< standard error of that median, as a share of it
  std::optional<Bytes> own_memory;
  std::optional<double> energy_j;  ///< of one pass

  double throughput() const { return static_cast<double>(batch) / latency; }
};

/// The batch by its median, its memory, and the energy of a pass; absent where it was not measured.
std::optional<Candidate> candidate_of(const Evidence& evidence, Batch batch);

/// Joules of one pass: of the undisturbed observations that carry energy, the last. Absent where none does.
std::optional<double> energy_of_pass(const Evidence& evidence, Batch batch);

/// A batch whose score the noise cannot tell from the best.
struct NearTie {
  Batch batch = 1;
  double behind = 0;  ///< 0.004: its score is 0.4 % lower than the best
};

/// What an objective says of a set of candidates.
struct Choice {
  Batch batch = 1;                 ///< the smallest within the noise of the best
  Batch top = 1;                   ///< the one with the best score
  std::vector<NearTie> near_ties;  ///< within the noise of `top`, ascending; without it
};

/// The choice among candidates (ascending). Absent where there is none, or none has what the objective
/// compares. Scores are ratios, larger is better:
/// largest b; throughput and cost b / T; energy b / E; balanced the weighted geometric mean
///     ((b/T)/max(b/T))^w₁ · (min T/T)^w₂ · (min M/M)^w₃ · ((b/E)/max(b/E))^w₄, to the power of 1/Σw,
/// the best of each quantity being taken over all candidates. Two scores are told apart where they differ by
/// more than twice the standard error of their latencies, and by more than what two probes of the same repeat
/// to (graph timing 0.5 %, eager 5 %, energy 2 %).
std::optional<Choice> choose(const std::vector<Candidate>& candidates, const Objective& objective,
                             Timing timing);

/// Batches that no other candidate beats: none is at least as good in latency, throughput and own memory and
/// better in one. Ascending.
std::vector<Batch> pareto_front(const std::vector<Candidate>& candidates);

/// Where the front bends: its batch furthest above the straight line between the front's ends, throughput
/// over latency, each scaled to its range. Absent where fewer than three batches, or none above the line.
std::optional<Batch> knee(const std::vector<Candidate>& candidates, const std::vector<Batch>& front);

/// The batches that are measured below the largest that passes, so that another objective than the largest
/// has something to choose from: 1, 2, 3, 4, 6, 8, 12, 16, … and itself. They do not depend on the objective,
/// so the next one finds them measured.
std::vector<Batch> objective_grid(Batch largest);

inline constexpr std::array goals{Goal::largest, Goal::throughput, Goal::cost, Goal::energy, Goal::balanced};

std::vector<std::string> goal_names();
std::string_view name_of(Goal goal);

/// By how much the medians of two probes of the same may differ, as a share, from the standard errors of
/// both.
double latency_noise(double error, double other_error, Timing timing);

/// "throughput"; usage error with the nearest names where there is no such objective.
Result<Goal> parse_goal(std::string_view name);

/// "throughput=2,latency=1,memory=1,energy=0"; what is not named counts 0. usage error for another name, a
/// weight that is no number or below 0, and where all are 0.
Result<Balance> parse_balance(std::string_view text);

}  // namespace batchfit
