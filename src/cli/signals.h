#pragma once

#include "worker/cancellation.h"

namespace batchfit {

/// From now on Ctrl-C and SIGTERM raise the flag instead of ending the process; a second one ends it at once,
/// which loses nothing: every record is on the disk before it counts.
void raise_on_signals(Cancellation& cancel);

/// 130 after Ctrl-C, 143 after SIGTERM.
int exit_code_of_signal();

}  // namespace batchfit
