#include "handler.h"

#include <c10/util/Exception.h>

#include <charconv>
#include <new>
#include <string_view>
#include <utility>

#include "models/model.h"
#include "runtime.h"
#include "video.h"

namespace batchfit {
namespace {

Json hello() {
  Json list = Json::array();
  for (const ModelInfo& info : models()) {
    list.push_back(
        {{"name", info.name}, {"about", info.about}, {"dtypes", info.dtypes}, {"modes", info.modes}});
  }
  return {{"protocol", 1},
          {"worker", {{"name", worker_name}, {"version", BATCHFIT_VERSION}}},
          {"runtime", to_json(libtorch_runtime())},
          {"capabilities",
           {"graph_timing", "memory_cap", "memory_counters", "memory_trace", "peak_resets", "compare",
            "environment", "energy", "conditions", "rehearsal", "video"}},
          {"models", std::move(list)}};
}

Answer<Json> devices() {
  Json list = Json::array();
  const auto add = [&list](const Device& device, std::string id) {
    Json json = to_json(device);
    json["id"] = std::move(id);
    list.push_back(std::move(json));
  };
  if (const auto found = cuda_devices()) {
    for (std::size_t i = 0; i < found->size(); ++i) add((*found)[i], "cuda:" + std::to_string(i));
  }
  if (const auto cpu = cpu_device()) add(*cpu, "cpu");
  return Json{{"devices", std::move(list)}};
}

Json environment_json(const Environment& environment) {
  Json json = {{"total_bytes", environment.total}};
  if (environment.others) json["others_bytes"] = *environment.others;
  return json;
}

tl::unexpected<Refusal> nothing_loaded() {
  return refuse(RefusalKind::usage, "no model is loaded", "send a load request first");
}

Answer<std::unique_ptr<Engine>> load_on_device(const LoadRequest& request) {
  if (request.device == "cpu") return load_on_cpu(request);
  if (const auto index = cuda_index(request.device)) return load_on_cuda(request, *index);
  return refuse(RefusalKind::usage, "there is no device '" + request.device + "'",
                "name cpu, or cuda:0 and so on");
}

}  // namespace

std::optional<int> cuda_index(const std::string& device) {
  static constexpr std::string_view prefix = "cuda:";
  if (device == "cuda") return 0;
  if (!device.starts_with(prefix)) return std::nullopt;
  int index = -1;
  const char* end = device.data() + device.size();
  const auto read = std::from_chars(device.data() + prefix.size(), end, index);
  if (read.ec != std::errc{} || read.ptr != end || index < 0) return std::nullopt;
  return index;
}

Answer<Json> TorchHandler::handle(const std::string& op, const Json& request, Call& call) {
  try {
    return dispatch(op, request, call);
  } catch (const c10::OutOfMemoryError&) {
    return refuse(RefusalKind::out_of_memory, op + ": out of memory", "free memory on the device");
  } catch (const std::bad_alloc&) {
    return refuse(RefusalKind::out_of_memory, op + ": the host has no memory left", "free memory");
  } catch (const c10::Error& error) {
    return refuse(RefusalKind::runtime, op + ": " + error.what_without_backtrace());
  } catch (const std::exception& error) {  // of the code in a model's file
    return refuse(RefusalKind::runtime, op + ": " + error.what());
  }
}

Answer<Json> TorchHandler::dispatch(const std::string& op, const Json& request, Call& call) {
  if (op == "hello") return hello();
  if (op == "devices") return devices();
  if (op == "load") return load(request);
  if (op == "release") {
    engine_.reset();
    return Json::object();
  }
  const bool needs_model = op == "probe" || op == "compare" || op == "environment" || op == "run_video";
  if (!needs_model) {
    return refuse(RefusalKind::unsupported, "this worker has no operation '" + op + "'",
                  "see docs/protocol.md");
  }
  if (!engine_) return nothing_loaded();
  if (op == "probe") return probe(request);
  if (op == "compare") return compare(request);
  if (op == "run_video") return run_video(*engine_, request, call);
  return Json{{"environment", environment_json(engine_->environment())}};
}

Answer<Json> TorchHandler::load(const Json& json) {
  const double started = now();
  const auto request = load_request(json);
  if (!request) return tl::unexpected(request.error());
  engine_.reset();  // one model at a time: its memory must be free before the next takes its own
  auto engine = load_on_device(*request);
  if (!engine) return tl::unexpected(engine.error());
  engine_ = std::move(*engine);
  return Json{{"subject", to_json(engine_->subject())},
              {"capabilities", engine_->capabilities()},
              {"notes", engine_->notes()},
              {"environment", environment_json(engine_->environment())},
              {"took_s", now() - started}};
}

Answer<Json> TorchHandler::probe(const Json& json) {
  const auto request = probe_request(json);
  if (!request) return tl::unexpected(request.error());
  const Measured measured = engine_->probe(*request);
  Json records = Json::array({to_json(Record(measured.observation))});
  if (measured.trace) records.push_back(to_json(Record(*measured.trace)));
  Json reply = {{"records", std::move(records)}, {"environment", environment_json(engine_->environment())}};
  if (measured.replace_worker) reply["replace_worker"] = true;
  return reply;
}

Answer<Json> TorchHandler::compare(const Json& json) {
  const auto request = compare_request(json);
  if (!request) return tl::unexpected(request.error());
  const auto comparison = engine_->compare(*request);
  if (!comparison) return tl::unexpected(comparison.error());
  return Json{{"records", Json::array({to_json(Record(*comparison))})},
              {"environment", environment_json(engine_->environment())}};
}

}  // namespace batchfit
