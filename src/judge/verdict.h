#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"
#include "facts/probe.h"

namespace batchfit {

enum class Verdict {
  pass,
  fail,
  undecided,  ///< the noise or a missing record does not allow a decision; it does not pass
};

/// One limit's verdict, with the figures it rests on.
struct LimitRuling {
  Verdict verdict = Verdict::undecided;
  double value = 0;        ///< what was measured: seconds or bytes
  double limit = 0;        ///< what was allowed, same unit
  double percentile = 50;  ///< latency: which of the samples the value is; 50 is the median
  int trials = 0;          ///< latency: pairs or samples that the verdict rests on; 0 for memory

  /// Share of the limit that is left; negative beyond it.
  double margin() const { return limit > 0 ? 1 - value / limit : 0; }
};

/// The verdict on one batch.
struct Ruling {
  Batch batch = 1;
  Verdict verdict = Verdict::undecided;
  std::optional<LimitRuling> memory;   ///< absent where own memory is unknown
  std::optional<LimitRuling> latency;  ///< absent where there is no limit, or no sample
  std::optional<Probe> wants;  ///< the probe that would bring it nearer to a decision; absent when final
  std::string why;             ///< what decided it, one line

  bool passes() const { return verdict == Verdict::pass; }
};

std::string_view name_of(Verdict verdict);

}  // namespace batchfit
