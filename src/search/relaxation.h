#pragma once

#include <optional>
#include <vector>

#include "search/answer.h"

namespace batchfit {

/// What a looser limit buys, from measured batches alone.
struct Relaxation {
  enum class Of { latency, memory };
  Of limit = Of::latency;
  int steps = 1;               ///< how many steps looser: what lies below buys nothing that was measured
  Limits limits;               ///< the looser ones
  Batch batch = 1;             ///< the answer under them: at least this, for larger ones may not be measured
  double throughput_gain = 0;  ///< over the answer's: 0.09 is 9 % more items a second; may be negative
};

/// For the latency and the memory limit: the fewest steps of it that give another batch, where one of those
/// measured passes then. A step is a tenth of a latency limit or of one on own memory (2x to 2.2x), and five
/// points of a share of the device (90 % to 95 %); five steps are looked at, and a share stays below all of
/// the device. Empty where there is no answer, or nothing measured passes then.
std::vector<Relaxation> relaxations(const Answer& answer, const Evidence& evidence, const Limits& limits,
                                    const Environment& environment, const SearchSpace& space);

}  // namespace batchfit
