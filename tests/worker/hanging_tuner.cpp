// A tuner that is stuck in a probe: prints the worker's pid, then waits for an answer that never comes. Tests
// kill it.
#include <cstdio>

#include "worker/remote_worker.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  batchfit::WorkerOptions options;
  options.command = argv[1];
  batchfit::RemoteWorker worker(options);
  batchfit::LoadRequest request;
  request.device = "sim:0";
  request.model = "tiny";
  if (!worker.load(request)) return 1;
  std::printf("%d\n", static_cast<int>(*worker.pid()));
  std::fflush(stdout);
  worker.run(batchfit::Measure{8});
}
