#pragma once

#include "facts/evidence.h"
#include "facts/json.h"

namespace batchfit {

/// An empty summary of the current version (docs/cache.md, The summary).
Json empty_summary();

/// corrupt error where the JSON is no summary of this version.
Result<void> check_summary(const Json& summary);

/// Puts the subject's entry into the summary, in place of an older one.
void put_into_summary(Json& summary, const Subject& subject, const Evidence& evidence);

/// Indented by one, one batch a line: readable, and a thousand workloads stay small.
std::string print_summary(const Json& summary);

/// The middle sample; the mean of the two middle ones where their number is even. Samples must not be empty.
Seconds median(std::vector<Seconds> samples);

}  // namespace batchfit
