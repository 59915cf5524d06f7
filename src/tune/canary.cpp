#include "tune/canary.h"

#include <algorithm>

#include "facts/summary.h"

namespace batchfit {
namespace {

// Kernels that were loaded since batch 1 stay in the context, some tens of MiB; a batch that was not freed is
// more.
constexpr Bytes most_growth = 128 * mebibyte;
// An eager call wanders by a quarter from probe to probe, a clock that comes down adds some; a worker that is
// spoilt (paging, an error path) is slower by more.
constexpr double most_slowdown = 1.5;

bool out_of_memory(const Record& record) {
  if (const auto* seen = std::get_if<Observation>(&record)) {
    return seen->outcome == Outcome::out_of_memory || seen->ooms.value_or(0) > 0;
  }
  const auto* fault = std::get_if<Fault>(&record);  // a comparison that was refused for memory
  return fault != nullptr && fault->detail.starts_with("out_of_memory");
}

bool as_before(const Observation& now, const Observation& first) {
  if (now.outcome != Outcome::measured) return false;
  const auto own = now.memory.own();
  const auto own_first = first.memory.own();
  if (own && own_first && *own > *own_first + most_growth) return false;
  return median(now.samples) <= most_slowdown * median(first.samples);
}

}  // namespace

bool ran_out_of_memory(const std::vector<Record>& records) {
  return std::ranges::any_of(records, out_of_memory);
}

void prove_clean(Worker& worker, const Evidence& evidence) {
  const Observation* first = evidence.observation(1);
  if (worker.is_fresh() || first == nullptr || first->outcome != Outcome::measured) return;
  for (const Record& record : worker.run(Measure{1})) {
    const auto* now = std::get_if<Observation>(&record);
    if (now != nullptr && as_before(*now, *first)) return;
  }
  worker.replace();
}

}  // namespace batchfit
