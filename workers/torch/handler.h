#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/server.h"
#include "engine.h"

namespace batchfit {

/// The libtorch worker's operations; docs/protocol.md. One model is loaded at a time.
class TorchHandler : public Handler {
 public:
  Answer<Json> handle(const std::string& op, const Json& request, Call& call) override;

 private:
  Answer<Json> dispatch(const std::string& op, const Json& request, Call& call);
  Answer<Json> load(const Json& json);
  Answer<Json> probe(const Json& json);
  Answer<Json> compare(const Json& json);

  std::unique_ptr<Engine> engine_;  ///< null: no model is loaded
};

/// "cuda:1" → 1, "cuda" → 0; nullopt where it is no CUDA device's name.
std::optional<int> cuda_index(const std::string& device);

}  // namespace batchfit
