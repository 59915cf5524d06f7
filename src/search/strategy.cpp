#include "search/strategy.h"

#include <algorithm>

#include "base/text.h"

namespace batchfit {
namespace {

/// Judges batches one after the other and stops at the first that needs a probe: a strategy reads as if every
/// batch were already measured.
class Reader {
 public:
  Reader(const SearchSpace& space, const Evidence& evidence, const Limits& limits,
         const Environment& environment)
      : space_(space), evidence_(evidence), limits_(limits), environment_(environment) {}

  /// Whether the batch passes; nullopt where a probe must come first.
  std::optional<bool> passes(Batch batch) {
    const Ruling ruling = judge(evidence_, batch, limits_, environment_, space_.timing, space_.rules);
    if (!ruling.wants) return ruling.passes();
    next_ = *ruling.wants;
    return std::nullopt;
  }
  Step next() const { return next_; }

 private:
  const SearchSpace& space_;
  const Evidence& evidence_;
  const Limits& limits_;
  const Environment& environment_;
  Step next_;
};

/// Narrows passing < not passing to neighbours.
Step bisect(Reader& reader, Batch passing, Batch failing) {
  while (failing - passing > 1) {
    const Batch middle = passing + (failing - passing) / 2;
    const auto passes = reader.passes(middle);
    if (!passes) return reader.next();
    (*passes ? passing : failing) = middle;
  }
  return Done{"neighbours " + std::to_string(passing) + " and " + std::to_string(failing) + " are judged"};
}

const Done batch_one_does_not_pass{"batch 1 does not pass"};
const Done largest_allowed_passes{"the largest batch allowed passes"};

}  // namespace

Strategy sweep(const SearchSpace& space) {
  return [space](const Evidence& evidence, const Limits& limits, const Environment& environment) -> Step {
    Reader reader(space, evidence, limits, environment);
    for (Batch batch = 1; batch <= space.max_batch; ++batch) {
      const auto passes = reader.passes(batch);
      if (!passes) return reader.next();
      if (batch == 1 && !*passes) return batch_one_does_not_pass;
    }
    return Done{"every batch to " + std::to_string(space.max_batch) + " is judged"};
  };
}

Strategy binary(const SearchSpace& space) {
  return [space](const Evidence& evidence, const Limits& limits, const Environment& environment) -> Step {
    Reader reader(space, evidence, limits, environment);
    const auto smallest = reader.passes(1);
    if (!smallest) return reader.next();
    if (!*smallest) return batch_one_does_not_pass;
    const auto largest = reader.passes(space.max_batch);
    if (!largest) return reader.next();
    if (*largest) return largest_allowed_passes;
    return bisect(reader, 1, space.max_batch);
  };
}

Strategy exponential(const SearchSpace& space) {
  return [space](const Evidence& evidence, const Limits& limits, const Environment& environment) -> Step {
    Reader reader(space, evidence, limits, environment);
    const auto smallest = reader.passes(1);
    if (!smallest) return reader.next();
    if (!*smallest) return batch_one_does_not_pass;
    Batch passing = 1;
    while (passing < space.max_batch) {
      const Batch doubled = std::min(2 * passing, space.max_batch);
      const auto passes = reader.passes(doubled);
      if (!passes) return reader.next();
      if (!*passes) return bisect(reader, passing, doubled);
      passing = doubled;
    }
    return largest_allowed_passes;
  };
}

std::vector<std::string> strategy_names() { return {"guided", "exponential", "binary", "sweep"}; }

Batch default_max_batch(std::string_view strategy) {
  if (strategy == "sweep") return 64;
  if (strategy == "binary") return 1024;
  return Batch{1} << 20;
}

Result<Strategy> make_strategy(std::string_view name, const SearchSpace& space) {
  if (name == "exponential") return watched(widened(exponential(space), space), space);
  if (name == "binary") return watched(widened(binary(space), space), space);
  if (name == "sweep") return watched(widened(sweep(space), space), space);
  if (name == "guided") return watched(widened(guided(space), space), space);
  auto near = nearest(name, strategy_names());
  return failure(ErrorKind::usage, "there is no strategy '" + std::string(name) + "'",
                 "use " + join_words(near.empty() ? strategy_names() : near));
}

}  // namespace batchfit
