#include "cli/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/terminal.h"
#include "facts/summary.h"

namespace batchfit {
namespace {

constexpr int bar_width = 24;
constexpr Seconds lasting_every = 10;

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

void Progress::frames(const VideoProgress& progress) {
  const auto frames = static_cast<double>(progress.frames);
  std::string text = fmt::format("{} frames", progress.frames);
  if (progress.frames_total && *progress.frames_total > 0) {
    const double share = std::min(1.0, frames / static_cast<double>(*progress.frames_total));
    const auto full = static_cast<std::size_t>(share * bar_width);
    text = fmt::format("[{:<{}}] {} of {} frames", std::string(full, '#'), bar_width, progress.frames,
                       *progress.frames_total);
  }
  if (progress.seconds > 0) text += fmt::format(", {:.0f} frames/s", frames / progress.seconds);
  // A log wants a line now and then.
  const bool lasting = progress.seconds - lasting_at_ >= lasting_every;
  if (lasting) lasting_at_ = progress.seconds;
  show(text, lasting);
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
