#include "cli/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>

#include "cli/terminal.h"
#include "facts/summary.h"

namespace batchfit {
namespace {

std::string describe_observation(const Observation& seen) {
  std::string text = fmt::format("batch {}: ", seen.batch);
  switch (seen.outcome) {
    case Outcome::out_of_memory:
      return text + "out of memory";
    case Outcome::failed:
      return text + "failed: " + seen.reason;
    case Outcome::rehearsed:
      text += "rehearsed";
      break;
    case Outcome::measured:
      text += format_seconds(median(seen.samples));
      break;
  }
  if (const auto own = seen.memory.own()) text += ", " + format_bytes(*own);
  return text;
}

}  // namespace

std::string describe(const Record& record) {
  if (const auto* seen = std::get_if<Observation>(&record)) return describe_observation(*seen);
  if (const auto* seen = std::get_if<Comparison>(&record)) {
    return fmt::format("batch {} against {}: {} pairs", seen->candidate, seen->reference, seen->pairs.size());
  }
  if (const auto* fault = std::get_if<Fault>(&record)) {
    return fmt::format("batch {}: worker lost ({}: {})", fault->batch, fault->kind, fault->detail);
  }
  return fmt::format("batch {}: allocations traced", std::get<AllocationTrace>(record).batch);
}

Progress::Progress(bool quiet) : quiet_(quiet), live_(rewritable_terminal(STDERR_FILENO)) {}

void Progress::begin(const std::string& label) { label_ = label; }

void Progress::loading() { show("loading", /*lasting=*/false); }

TuneEvents Progress::events() {
  return {[this](const Probe& probe) { show(fmt::format("batch {} …", batch_of(probe)), /*lasting=*/false); },
          [this](const Record& record) { show(describe(record), /*lasting=*/true); }};
}

void Progress::clear() {
  if (!quiet_ && live_) std::fputs("\r\033[K", stderr);
}

void Progress::show(const std::string& text, bool lasting) {
  if (quiet_) return;
  if (live_) {
    std::fputs(fmt::format("\r\033[K{}  {}", label_, text).c_str(), stderr);
    std::fflush(stderr);
  } else if (lasting) {  // a log wants what happened, not what is about to
    std::fputs(fmt::format("{}  {}\n", label_, text).c_str(), stderr);
  }
}

}  // namespace batchfit
