#pragma once

#include "common/server.h"
#include "engine.h"

namespace batchfit {

/// The operation run_video (docs/protocol.md) with the engine's model.
Answer<Json> run_video(Engine& engine, const Json& request, Call& call);

}  // namespace batchfit
