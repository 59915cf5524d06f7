#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/server.h"
#include "sim/device.h"
#include "sim/faults.h"
#include "sim/simulator.h"

namespace batchfit::sim {

/// The operations of docs/protocol.md on a simulated device.
class SimWorker : public Handler {
 public:
  SimWorker(SimDevice device, int output) : device_(std::move(device)), output_(output) {}

  Answer<Json> handle(const std::string& op, const Json& request, Call& call) override;

 private:
  Answer<Json> answer(const std::string& op, const Json& request);
  Json hello() const;
  Json devices() const;
  Answer<Json> load(const Json& request);
  Answer<Json> probe(const Json& request);
  Answer<Json> compare_two(const Json& request);
  Answer<SimDevice> sized_for(const std::map<std::string, std::int64_t>& shape) const;
  Json environment() const;
  Device device() const;
  Moment moment_of(const std::string& op, const Json& request);
  bool can(const std::string& capability) const;

  SimDevice device_;
  int output_;
  std::optional<Timing> loaded_;  ///< how the loaded model is timed
  SimDevice at_load_;             ///< the device for inputs of the loaded sizes
  bool leaks_ = false;            ///< a leaky fault struck: this process keeps memory and is slow
  std::int64_t probes_ = 0;       ///< by the tuner's count, or this process's where the tuner does not say
};

}  // namespace batchfit::sim
