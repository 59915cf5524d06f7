#include "fuzz.h"
#include "worker/protocol.h"

using namespace batchfit;

// Any line of a worker is read as every kind of reply: a value or an error, and what a probe's reply holds
// answers it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto reply = read_reply(text_of(data, size), 1);
  if (!reply) {
    promise(reply.error().kind == ErrorKind::protocol, "a line that cannot be read breaks the protocol");
    return 0;
  }
  (void)read_hello(reply->body);
  (void)read_devices(reply->body);
  (void)read_loaded(reply->body);
  (void)read_environment(reply->body);
  const auto measured = read_probe_reply(reply->body, Measure{8});
  if (measured) promise(!measured->records.empty(), "a probe is answered with a record");
  const auto compared = read_probe_reply(reply->body, Compare{1, 8, 20});
  if (compared) {
    const auto* comparison = std::get_if<Comparison>(&compared->records.front());
    promise(comparison != nullptr && !comparison->pairs.empty(), "a comparison has pairs");
  }
  return 0;
}
