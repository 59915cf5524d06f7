#include "cli/signals.h"

#include <csignal>

namespace batchfit {
namespace {

Cancellation* flag = nullptr;
volatile std::sig_atomic_t last_signal = SIGINT;

void on_signal(int signal) {
  last_signal = signal;
  flag->raise();
  std::signal(signal, SIG_DFL);
}

}  // namespace

void raise_on_signals(Cancellation& cancel) {
  flag = &cancel;
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

int exit_code_of_signal() { return 128 + last_signal; }

}  // namespace batchfit
