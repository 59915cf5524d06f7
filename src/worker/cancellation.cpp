#include "worker/cancellation.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace batchfit {

Cancellation::Cancellation() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Cancellation::~Cancellation() {
  if (event_ >= 0) ::close(event_);
}

void Cancellation::raise() noexcept {
  const int saved = errno;  // a signal handler must not change what the interrupted code sees
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_, &one, sizeof one);
  errno = saved;
}

bool Cancellation::raised() const noexcept {
  pollfd event{event_, POLLIN, 0};
  return ::poll(&event, 1, 0) > 0 && (event.revents & POLLIN) != 0;
}

}  // namespace batchfit
