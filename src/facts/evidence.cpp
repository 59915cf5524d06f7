#include "facts/evidence.h"

#include <algorithm>
#include <cstdlib>
#include <set>

namespace batchfit {

// Not inline: GCC 12 takes the move of a variant whose alternative it knows for a use of
// uninitialized memory.
void Evidence::add(Record record) { records_.push_back(std::move(record)); }

namespace {

/// How much an observation settles.
int weight_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::measured:
    case Outcome::out_of_memory:
      return 2;
    case Outcome::rehearsed:
      return 1;
    case Outcome::failed:
      break;
  }
  return 0;
}

}  // namespace

const Observation* Evidence::observation(Batch batch) const {
  const Observation* last = nullptr;
  for (const Observation* seen : observations(batch)) {
    if (last == nullptr || weight_of(seen->outcome) >= weight_of(last->outcome)) last = seen;
  }
  return last;
}

bool Evidence::only_rehearsed(Batch batch) const {
  const Observation* seen = observation(batch);
  return seen != nullptr && seen->outcome == Outcome::rehearsed;
}

std::vector<Batch> Evidence::observed_in_order() const {
  std::vector<Batch> order;
  std::set<Batch> met;
  for (const Record& record : records_) {
    const auto* seen = std::get_if<Observation>(&record);
    if (seen != nullptr && met.insert(seen->batch).second) order.push_back(seen->batch);
  }
  return order;
}

std::vector<Batch> Evidence::observed() const {
  std::vector<Batch> batches = observed_in_order();
  std::sort(batches.begin(), batches.end());
  return batches;
}

std::vector<Batch> Evidence::tried() const {
  std::set<Batch> batches;
  for (const Record& record : records_) {
    if (const auto* seen = std::get_if<Observation>(&record)) batches.insert(seen->batch);
    if (const auto* fault = std::get_if<Fault>(&record)) batches.insert(fault->batch);
  }
  return {batches.begin(), batches.end()};
}

bool Conditions::disturbed() const {
  const auto passing = [](const std::string& reason) { return reason != "software power cap"; };
  const bool others_moved =
      others_before && others_after && std::abs(*others_after - *others_before) > someone_else;
  return others_moved || std::any_of(throttle_reasons.begin(), throttle_reasons.end(), passing);
}

bool Evidence::disturbed(Batch batch) const {
  const auto seen = observations(batch);
  const auto timed = [](const Observation* one) { return !one->samples.empty(); };
  const auto calm = [&](const Observation* one) { return timed(one) && !one->conditions.disturbed(); };
  return std::any_of(seen.begin(), seen.end(), timed) && std::none_of(seen.begin(), seen.end(), calm);
}

std::vector<Seconds> Evidence::samples(Batch batch) const {
  const bool all_disturbed = disturbed(batch);
  std::vector<Seconds> all;
  for (const Observation* seen : observations(batch)) {
    if (seen->conditions.disturbed() && !all_disturbed) continue;
    all.insert(all.end(), seen->samples.begin(), seen->samples.end());
  }
  return all;
}

std::vector<const Observation*> Evidence::observations(Batch batch) const {
  std::vector<const Observation*> all;
  for (const Record& record : records_) {
    const auto* seen = std::get_if<Observation>(&record);
    if (seen != nullptr && seen->batch == batch) all.push_back(seen);
  }
  return all;
}

std::vector<Batch> Evidence::compared(Batch reference) const {
  std::vector<Batch> order;
  for (const Record& record : records_) {
    const auto* seen = std::get_if<Comparison>(&record);
    if (seen == nullptr || seen->reference != reference) continue;
    if (std::find(order.begin(), order.end(), seen->candidate) == order.end())
      order.push_back(seen->candidate);
  }
  return order;
}

std::vector<Comparison::Pair> Evidence::pairs(Batch reference, Batch candidate) const {
  std::vector<Comparison::Pair> all;
  for (const Record& record : records_) {
    const auto* seen = std::get_if<Comparison>(&record);
    if (seen == nullptr || seen->reference != reference || seen->candidate != candidate) continue;
    all.insert(all.end(), seen->pairs.begin(), seen->pairs.end());
  }
  return all;
}

std::vector<const Fault*> Evidence::faults_in_a_row(Batch batch) const {
  std::vector<const Fault*> faults;
  for (const Record& record : records_) {
    if (const auto* fault = std::get_if<Fault>(&record)) {
      if (fault->batch == batch) faults.push_back(fault);
      continue;
    }
    const auto* observation = std::get_if<Observation>(&record);
    const auto* comparison = std::get_if<Comparison>(&record);
    const bool settled = (observation != nullptr && observation->batch == batch) ||
                         (comparison != nullptr && comparison->candidate == batch);
    if (settled) faults.clear();
  }
  return faults;
}

}  // namespace batchfit
