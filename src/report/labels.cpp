#include "report/labels.h"

#include <algorithm>

#include "facts/json.h"
#include "report/wording.h"

namespace batchfit {
namespace {

// "not proven further" is the longest of Answer's own words for a limiter; what is longer is a message.
constexpr std::size_t most_limiter_bytes = 18;
constexpr std::size_t digest_digits = 6;  ///< enough to tell two files of one table apart

/// One thing that tells workloads apart, as a sentence says it and as the model's name carries it.
struct Trait {
  std::string full;
  std::string brief;
  bool operator==(const Trait&) const = default;
};

std::vector<Trait> traits_of(const Subject& subject) {
  const Workload& workload = subject.workload;
  std::vector<Trait> traits{{device_text(subject.device), device_text(subject.device)},
                            {subject.runtime.name + " " + subject.runtime.version, subject.runtime.version},
                            {workload.dtype, workload.dtype}};
  const auto add_if = [&](bool holds, const std::string& text) {
    if (holds) traits.push_back({text, text});
  };
  add_if(workload.tf32, "tf32");
  add_if(workload.channels_last, "channels-last");
  add_if(workload.folded_batchnorm, "folded-batchnorm");
  add_if(workload.mode != "forward", workload.mode);
  for (const auto& [name, size] : workload.shape) add_if(true, name + " " + std::to_string(size));
  if (workload.prompts) add_if(true, "prompts " + workload.prompts->digest.substr(0, digest_digits));
  const std::string timing(name_of(workload.timing));
  traits.push_back({timing + " timing", timing});
  if (workload.include_copies) traits.push_back({"input copies included", "copies"});
  if (workload.threads) {
    const std::string threads =
        std::to_string(*workload.threads) + (*workload.threads == 1 ? " thread" : " threads");
    traits.push_back({threads, threads});
  }
  return traits;
}

bool holds(const std::vector<Trait>& traits, const Trait& trait) {
  return std::find(traits.begin(), traits.end(), trait) != traits.end();
}

}  // namespace

Labels label(const RunReport& run) {
  std::vector<std::vector<Trait>> all;
  for (const WorkloadReport& workload : run.workloads) {
    all.push_back(workload.subject ? traits_of(*workload.subject) : std::vector<Trait>{});
  }
  const auto first = std::find_if(all.begin(), all.end(), [](const auto& traits) { return !traits.empty(); });
  std::vector<Trait> shared = first == all.end() ? std::vector<Trait>{} : *first;
  std::erase_if(shared, [&](const Trait& trait) {
    return std::any_of(all.begin(), all.end(),
                       [&](const auto& traits) { return !traits.empty() && !holds(traits, trait); });
  });

  Labels labels;
  for (const Trait& trait : shared) labels.shared += (labels.shared.empty() ? "" : ", ") + trait.full;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::string model = run.workloads[i].model;
    for (const Trait& trait : all[i]) {
      if (!holds(shared, trait)) model += " " + trait.brief;
    }
    labels.models.push_back(std::move(model));
  }
  return labels;
}

std::string status_text(const WorkloadReport& workload) {
  std::string text(name_of(workload.error ? Status::failed : workload.answer.status));
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string limiter_text(const WorkloadReport& workload) {
  if (workload.error || !workload.answer.best) return status_text(workload);
  std::string limiter = *workload.figures.limited_by;
  if (limiter.size() <= most_limiter_bytes) return limiter;
  const auto& next = workload.answer.next;
  return next && next->verdict == Verdict::undecided ? "undecided" : "see below";
}

}  // namespace batchfit
