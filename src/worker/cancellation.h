#pragma once

namespace batchfit {

/// A flag that is raised once, by a signal handler or another thread, and ends every wait on a worker at
/// once.
class Cancellation {
 public:
  Cancellation();
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;
  ~Cancellation();

  /// May be called from a signal handler, and more than once.
  void raise() noexcept;

  bool raised() const noexcept;

  /// Readable from the moment the flag is raised: for poll(). -1 where the system had no descriptor left.
  int descriptor() const noexcept { return event_; }

 private:
  int event_;
};

}  // namespace batchfit
