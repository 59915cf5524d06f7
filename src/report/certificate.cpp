#include "report/certificate.h"

#include <fmt/core.h>

#include <algorithm>

#include "report/distribution.h"
#include "report/figures.h"
#include "report/objective_lines.h"
#include "report/wording.h"

namespace batchfit {
namespace {

// A pass nearer to its limit than this is worth a line: another day's clocks could turn it.
constexpr double narrow_margin = 0.01;
// Batch 1 repeats to half a percent on a quiet GPU; more is worth a line.
constexpr double worth_saying = 0.01;

void append(std::vector<std::string>& lines, std::vector<std::string> more) {
  for (std::string& line : more) lines.push_back(std::move(line));
}

/// "16 pairs" or "9 samples": what a latency verdict rests on.
std::string trials_text(const TunedWorkload& tuned, Batch batch, int trials) {
  const auto pairs = static_cast<int>(tuned.evidence.pairs(1, batch).size());
  const char* word = pairs > 0 && pairs == trials ? "pair" : "sample";
  return fmt::format("{} {}{}", trials, word, trials == 1 ? "" : "s");
}

std::string memory_failure(const LimitRuling& ruling) {
  const auto [value, limit] = told_apart(static_cast<Bytes>(ruling.value), static_cast<Bytes>(ruling.limit));
  return fmt::format("memory {} > {}, {} over", value, limit, difference_text(-ruling.margin()));
}

/// "latency", or "p95 latency" where it is no median.
std::string name_of(const LimitRuling& latency) {
  return latency.percentile == 50 ? "latency" : fmt::format("p{:g} latency", latency.percentile);
}

std::string latency_failure(const TunedWorkload& tuned, Batch batch, const LimitRuling& ruling) {
  const auto [value, limit] = told_apart(ruling.value, ruling.limit);
  return fmt::format("{} {} > {}, {} over, {}", name_of(ruling), value, limit,
                     difference_text(-ruling.margin()), trials_text(tuned, batch, ruling.trials));
}

std::string reason_of(const TunedWorkload& tuned, const Ruling& ruling) {
  const Observation* observation = tuned.evidence.observation(ruling.batch);
  const bool out_of_memory = observation != nullptr && observation->outcome == Outcome::out_of_memory;
  if (out_of_memory && observation->cap)
    return ruling.why + " under a cap of " + format_bytes(*observation->cap);
  return ruling.why.empty() ? "the reason is not known" : ruling.why;
}

/// Why a batch fails: every limit that it breaks, or else what happened on it.
std::string failure_text(const TunedWorkload& tuned, const Ruling& ruling) {
  std::string text;
  if (ruling.memory && ruling.memory->verdict == Verdict::fail) {
    text = memory_failure(*ruling.memory);
    if (tuned.evidence.only_rehearsed(ruling.batch)) text += ", as rehearsed";
  }
  if (ruling.latency && ruling.latency->verdict == Verdict::fail) {
    text += (text.empty() ? "" : "; ") + latency_failure(tuned, ruling.batch, *ruling.latency);
  }
  return text.empty() ? reason_of(tuned, ruling) : text;
}

std::string undecided_text(const TunedWorkload& tuned, const Ruling& ruling) {
  const std::string subject = fmt::format("batch {} is undecided: ", ruling.batch);
  if (!ruling.latency || ruling.latency->verdict != Verdict::undecided)
    return subject + reason_of(tuned, ruling);
  const auto [value, limit] = told_apart(ruling.latency->value, ruling.latency->limit);
  const double margin = ruling.latency->margin();
  return subject + fmt::format("{} {}, limit {}, {} {}, {}", name_of(*ruling.latency), value, limit,
                               difference_text(std::abs(margin)), margin < 0 ? "over" : "under",
                               trials_text(tuned, ruling.batch, ruling.latency->trials));
}

void add_narrow_pass(std::vector<std::string>& lines, const TunedWorkload& tuned, const Ruling& best) {
  if (best.batch == 1 || !best.latency) return;  // batch 1 is the measure of a ratio
  const double margin = best.latency->margin();
  if (margin >= narrow_margin) return;
  lines.push_back(fmt::format("batch {} passes narrowly: {} {} under the limit, {}", best.batch,
                              name_of(*best.latency), difference_text(std::max(0.0, margin)),
                              trials_text(tuned, best.batch, best.latency->trials)));
}

void add_unproven(std::vector<std::string>& lines, const Answer& answer) {
  const Batch best = answer.largest->batch;
  if (!answer.next) {
    lines.push_back(
        best >= answer.max_batch
            ? fmt::format("batch {} is the largest allowed (--max-batch): a larger one may pass", best)
            : fmt::format("unproven: nothing above batch {} was judged", best));
  } else if (!answer.neighbour_judged && answer.next->batch > best + 1) {
    const Batch last = answer.next->batch - 1;
    lines.push_back(last == best + 1
                        ? fmt::format("unproven: batch {} was not measured", last)
                        : fmt::format("unproven: batches {} to {} were not measured", best + 1, last));
  }
}

void add_proof(std::vector<std::string>& lines, const TunedWorkload& tuned) {
  const Answer& answer = tuned.answer;
  add_narrow_pass(lines, tuned, *answer.best);
  if (answer.next && answer.next->verdict == Verdict::fail) {
    lines.push_back(
        fmt::format("batch {} does not pass: {}", answer.next->batch, failure_text(tuned, *answer.next)));
  }
  for (const Ruling& ruling : answer.undecided) lines.push_back(undecided_text(tuned, ruling));
  add_unproven(lines, answer);
}

/// Whether the answer held while it ran.
void add_confirmation(std::vector<std::string>& lines, const Confirmation& confirmation) {
  const std::string subject =
      fmt::format("batch {} ran for {}: ", confirmation.batch, format_seconds(confirmation.seconds));
  const auto& latency = confirmation.ruling.latency;
  std::string found = confirmation.broken()          ? "it does NOT hold, " + confirmation.ruling.why
                      : confirmation.ruling.passes() ? "it holds"
                                                     : "not settled, " + confirmation.ruling.why;
  if (latency) {
    const auto [value, limit] = told_apart(latency->value, latency->limit);
    found += fmt::format("; {} {}, limit {}", name_of(*latency), value, limit);
  }
  if (confirmation.drift) {
    found += fmt::format("; {} {} from first to last", difference_text(std::abs(*confirmation.drift)),
                         *confirmation.drift > 0 ? "slower" : "faster");
  }
  if (confirmation.memory_growth && *confirmation.memory_growth != 0) {
    found += "; memory grew by " + format_bytes(*confirmation.memory_growth);
  }
  for (const std::string& reason : confirmation.throttle_reasons) found += "; throttled: " + reason;
  lines.push_back(subject + found);
}

/// What the launches of an ordinary call would add.
void add_eager(std::vector<std::string>& lines, const TunedWorkload& tuned) {
  const BatchFigures best = figures_of(tuned.evidence, tuned.answer.best->batch);
  if (!best.eager_latency) return;
  const auto bound = launch_bound_up_to(tuned.evidence);
  lines.push_back(fmt::format("an ordinary call of batch {} takes {}; {}", best.batch,
                              format_seconds(*best.eager_latency),
                              bound ? fmt::format("launch-bound up to batch {}, of those measured", *bound)
                                    : "no batch that was measured is launch-bound"));
}

/// Of tokens that are made one after the other.
void add_tokens(std::vector<std::string>& lines, const TunedWorkload& tuned) {
  const BatchFigures best = figures_of(tuned.evidence, tuned.answer.best->batch);
  const auto interval = answer_figures(tuned).token_interval;
  if (!best.first_token || !interval) return;
  lines.push_back(fmt::format("batch {} has its first token after {}, then one every {}", best.batch,
                              format_seconds(*best.first_token), format_seconds(*interval)));
}

/// What the measurements met: of the answer and what stands above it where it matters, of all on request.
void add_conditions(std::vector<std::string>& lines, const TunedWorkload& tuned, bool verbose) {
  const Answer& answer = tuned.answer;
  for (const BatchFigures& figures : figures_of(tuned.evidence)) {
    const bool matters = figures.batch == 1 || (answer.best && figures.batch == answer.best->batch) ||
                         (answer.next && figures.batch == answer.next->batch);
    if (!matters && !verbose) continue;
    for (const std::string& mark : figures.marks) {
      lines.push_back(fmt::format("batch {}: {}", figures.batch, mark));
    }
  }
  if (answer.drift && (verbose || std::abs(*answer.drift) > worth_saying)) {
    lines.push_back(
        fmt::format("batch 1 drifted by {} over the search: a batch within twice that of "
                    "the limit was not settled by solo samples",
                    difference_text(std::abs(*answer.drift))));
  }
}

/// What brings batch 1 inside the limits it breaks.
std::string remedy_for(const TunedWorkload& tuned, const Ruling& one, const Limits& limits) {
  const bool slow = one.latency && one.latency->verdict == Verdict::fail;
  const bool large = one.memory ? one.memory->verdict == Verdict::fail : !slow;
  std::string remedy;
  const Bytes others = tuned.environment.others.value_or(0);
  if (large && others > 0 && std::holds_alternative<MemoryShare>(limits.memory)) {
    remedy = "free the " + format_bytes(others) + " that others hold, ";
  }
  remedy += "choose a smaller --dtype, or raise ";
  return remedy + (large && slow ? "--memory-limit and --latency-limit"
                   : large       ? "--memory-limit"
                                 : "--latency-limit");
}

/// A search without an answer: what batch 1 met, in numbers, and what can be done.
void add_no_answer(std::vector<std::string>& lines, const TunedWorkload& tuned, const Limits& limits) {
  const Answer& answer = tuned.answer;
  const std::string why = answer.next ? failure_text(tuned, *answer.next) : answer.why;
  switch (answer.status) {
    case Status::nothing_fits:
      lines.push_back("nothing fits: batch 1 does not pass: " + why);
      if (answer.next) lines.push_back("remedy: " + remedy_for(tuned, *answer.next, limits));
      return;
    case Status::undecided:
      lines.push_back(answer.next ? undecided_text(tuned, *answer.next) : "undecided: " + why);
      lines.push_back("remedy: run again when the device is idle, or move the limit");
      return;
    case Status::interrupted:
      return;
    case Status::found:
    case Status::failed:
      break;
  }
  lines.push_back("failed: " + why);
  lines.push_back("remedy: run again with -v, which shows the worker's own messages");
}

void add_memory_gaps(std::vector<std::string>& lines, const TunedWorkload& tuned, const Limits& limits) {
  const auto& best = tuned.answer.best;
  if (!best) return;
  if (!best->memory) {
    lines.push_back("unproven: own memory is not known, so the memory limit was not judged");
    return;
  }
  const bool on_device = tuned.subject && tuned.subject->device.kind == "cuda";
  if (on_device && std::holds_alternative<MemoryShare>(limits.memory) && !tuned.environment.others) {
    lines.push_back("unproven: memory held by others is not known and was counted as none");
  }
}

/// Measurements with random weights say so even where a worker forgot to.
void add_notes(std::vector<std::string>& lines, const TunedWorkload& tuned) {
  lines.insert(lines.end(), tuned.notes.begin(), tuned.notes.end());
  const bool random = tuned.subject && tuned.subject->workload.weights.starts_with("random");
  const bool said = std::any_of(tuned.notes.begin(), tuned.notes.end(), [](const std::string& note) {
    return note.find("weights: random") != std::string::npos;
  });
  if (random && !said) lines.push_back("weights: " + tuned.subject->workload.weights);
}

}  // namespace

std::vector<std::string> certificate(const TunedWorkload& tuned, const Limits& limits, bool verbose) {
  std::vector<std::string> lines;
  if (tuned.error) {
    lines.push_back("failed: " + tuned.error->message);
    if (!tuned.error->remedy.empty()) lines.push_back("remedy: " + tuned.error->remedy);
  } else {
    if (tuned.answer.status == Status::interrupted) {
      lines.push_back(tuned.answer.best
                          ? "interrupted: the best batch so far; the same command continues the search"
                          : "interrupted before an answer; the same command continues the search");
    }
    if (tuned.answer.cut_short) {
      lines.push_back(
          "the time budget is spent: the best batch so far; the same command continues the search");
    }
    if (tuned.answer.best) {
      append(lines, objective_lines(tuned));
      add_proof(lines, tuned);
      append(lines, relaxation_lines(tuned, limits));
      add_eager(lines, tuned);
      add_tokens(lines, tuned);
    } else {
      add_no_answer(lines, tuned, limits);
    }
    if (tuned.confirmation) add_confirmation(lines, *tuned.confirmation);
    add_memory_gaps(lines, tuned, limits);
    append(lines, distribution_lines(tuned));
    add_conditions(lines, tuned, verbose);
  }
  add_notes(lines, tuned);
  if (tuned.from_cache) lines.push_back("answered from the cache: no worker was started");
  return lines;
}

}  // namespace batchfit
