#include "device_ledger.h"

#include <algorithm>
#include <cstdlib>

namespace batchfit {
namespace {

/// The most that one run of ours can change the context by: all kernels of cuDNN and cuBLAS that a model uses
/// come to some 100 to 300 MiB. A larger change is another process's.
constexpr Bytes largest_context_change = 512 * mebibyte;

/// Left free on the device: what lazily loaded kernels and a graph's own storage may take while a probe runs.
constexpr Bytes device_margin = 512 * mebibyte;

}  // namespace

void DeviceLedger::context_made(Bytes outside) {
  if (others_) context_ = std::max<Bytes>(0, outside - *others_);
}

void DeviceLedger::was_idle(Bytes outside) {
  if (context_) others_ = std::max<Bytes>(0, outside - *context_);
}

void DeviceLedger::was_running(Bytes outside) {
  if (!context_) return;
  const Bytes change = outside - *context_ - *others_;
  if (std::abs(change) <= largest_context_change) {
    context_ = std::max<Bytes>(0, *context_ + change);
  } else {
    was_idle(outside);
  }
}

Bytes most_reservable(Bytes free, Bytes reserved, std::optional<Bytes> own_cap,
                      std::optional<Bytes> context) {
  Bytes most = free + reserved - device_margin;
  if (own_cap) most = std::min(most, *own_cap - context.value_or(0));
  return std::max<Bytes>(0, most);
}

}  // namespace batchfit
