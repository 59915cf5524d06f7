#include <c10/core/InferenceMode.h>
#include <unistd.h>

#include "common/server.h"
#include "handler.h"

int main() {
  const int output = batchfit::claim_stdout();
  const c10::InferenceMode no_gradients;
  batchfit::TorchHandler handler;
  batchfit::serve(STDIN_FILENO, output, handler);
}
