#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>

#include "base/file.h"
#include "base/text.h"
#include "sim/handler.h"

namespace {

batchfit::Result<batchfit::sim::SimDevice> read_device(const char* path) {
  const auto text = batchfit::read_file(path);
  if (!text) return batchfit::failure(text.error());
  const auto json = batchfit::parse_json(*text);
  if (!json) return batchfit::failure(json.error());
  auto device = batchfit::sim::device_from_json(*json);
  if (!device) return device;
  const auto kinds = batchfit::sim::fault_kinds();
  for (const auto& fault : device->faults) {
    if (std::find(kinds.begin(), kinds.end(), fault.kind) == kinds.end()) {
      return batchfit::failure(batchfit::ErrorKind::usage, "no fault '" + fault.kind + "'",
                               "there are " + batchfit::join_words(kinds));
    }
  }
  return device;
}

}  // namespace

int main(int argc, char** argv) {
  const int output = batchfit::claim_stdout();
  if (argc != 2) {
    std::fputs("usage: batchfit-worker-sim DEVICE.json\n", stderr);
    return 2;
  }
  auto device = read_device(argv[1]);
  if (!device) {
    std::fprintf(stderr, "%s: %s\n", argv[1], device.error().text().c_str());
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);  // a tuner that is gone is seen by the failing write
  batchfit::sim::SimWorker worker(std::move(*device), output);
  batchfit::serve(STDIN_FILENO, output, worker);
}
