#pragma once

#include <optional>

#include "base/units.h"

namespace batchfit {

/// Splits a device's memory in use outside our allocator into our own context and what others hold.
///
/// The driver tells only the sum: per-process figures are hidden in most containers. But our context grows
/// only while we run something (libraries and kernels load lazily, graphs have storage), so a change between
/// our runs is another process's. A change during a run is ours, unless it is more than a run can make.
class DeviceLedger {
 public:
  /// Memory in use before this process had a context: all of it others'. Absent where it could not be read:
  /// then neither part is ever known.
  explicit DeviceLedger(std::optional<Bytes> before_context) : others_(before_context) {}

  /// The context was made; `outside` is the memory in use less what our allocator reserves, here and below.
  void context_made(Bytes outside);

  /// Nothing of ours ran since the last call.
  void was_idle(Bytes outside);

  /// Something of ours ran since the last call.
  void was_running(Bytes outside);

  std::optional<Bytes> context() const { return context_; }
  std::optional<Bytes> others() const { return context_ ? others_ : std::nullopt; }

 private:
  std::optional<Bytes> context_;
  std::optional<Bytes> others_;
};

/// The most our allocator may reserve. `free` and `reserved` are the device's and the allocator's figures
/// now; less a margin, for contexts grow and the driver keeps some. A cap on own memory counts the context
/// in.
Bytes most_reservable(Bytes free, Bytes reserved, std::optional<Bytes> own_cap, std::optional<Bytes> context);

}  // namespace batchfit
