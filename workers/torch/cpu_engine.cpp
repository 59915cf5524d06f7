#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/util/Exception.h>

#include <chrono>
#include <new>
#include <utility>

#include "cpu_pose_pass.h"
#include "device/host.h"
#include "engine.h"
#include "loaded_model.h"
#include "runtime.h"
#include "sampling.h"

namespace batchfit {
namespace {

class CpuPass : public Pass {
 public:
  CpuPass(const LoadedModel& loaded, Batch batch) : loaded_(loaded), inputs_(loaded.inputs(batch)) {}
  void run() override { loaded_.run(inputs_); }
  Seconds timed() override {
    const auto start = std::chrono::steady_clock::now();
    const auto since_start = [start] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    loaded_.model->at_first_token = [&] { first_tokens_.push_back(since_start()); };
    run();
    loaded_.model->at_first_token = nullptr;
    return since_start();
  }

 private:
  const LoadedModel& loaded_;
  std::vector<at::Tensor> inputs_;
};

class CpuEngine : public Engine {
 public:
  CpuEngine(LoadedModel loaded, Device device) : loaded_(std::move(loaded)), device_(std::move(device)) {}

  Subject subject() const override {
    Runtime runtime = libtorch_runtime();
    runtime.details["cpu_capability"] = at::get_cpu_capability();
    Workload workload = loaded_.workload(Timing::eager);
    workload.threads = at::get_num_threads();
    return {device_, runtime, workload};
  }
  std::vector<std::string> notes() const override { return loaded_.notes(); }
  std::vector<std::string> capabilities() const override {
    std::vector<std::string> names{"compare"};
    if (pose_row()) names.emplace_back("video");
    return names;
  }
  Environment environment() override { return {device_.total_memory, std::nullopt}; }

  Measured probe(const ProbeRequest& request) override {
    Measured measured;
    Observation& observation = measured.observation;
    observation.batch = request.batch;
    observation.started_at = now();
    try {
      CpuPass pass(loaded_, request.batch);
      observation.samples = take_samples(pass, request.sampling);
      observation.first_token_samples = pass.first_tokens();
    } catch (const c10::OutOfMemoryError&) {
      observation.outcome = Outcome::out_of_memory;
    } catch (const std::bad_alloc&) {
      observation.outcome = Outcome::out_of_memory;
    } catch (const c10::Error& error) {
      observation.outcome = Outcome::failed;
      observation.reason = error.what_without_backtrace();
    } catch (const std::exception& error) {  // of the code in a model's file
      observation.outcome = Outcome::failed;
      observation.reason = error.what();
    }
    if (observation.outcome == Outcome::out_of_memory)
      observation.reason = "the process could not get the memory";
    observation.memory.resident_peak = peak_resident_memory();
    observation.took = now() - observation.started_at;
    return measured;
  }

  Answer<Comparison> compare(const CompareRequest& request) override {
    Comparison comparison;
    comparison.reference = request.reference;
    comparison.candidate = request.candidate;
    comparison.started_at = now();
    CpuPass reference(loaded_, request.reference);
    CpuPass candidate(loaded_, request.candidate);
    comparison.pairs = take_pairs(reference, candidate, draw_order(request.pairs, request.seed));
    comparison.took = now() - comparison.started_at;
    return comparison;
  }

  std::optional<vision::PoseRow> pose_row() const override { return loaded_.model->pose_row(); }

  Answer<std::unique_ptr<video::PosePass>> pose_pass(Batch batch, float confidence) override {
    return cpu_pose_pass(loaded_, batch, confidence);
  }

 private:
  LoadedModel loaded_;
  Device device_;
};

Answer<void> check_cpu_request(const LoadRequest& request) {
  if (request.timing == Timing::graph) {
    return refuse(RefusalKind::usage, "graph timing needs a CUDA device", "use eager timing on a CPU");
  }
  if (request.tf32) return refuse(RefusalKind::usage, "a CPU has no TF32", "leave TF32 off on a CPU");
  return {};
}

}  // namespace

Result<Device> cpu_device() {
  const auto memory = usable_memory();
  if (!memory)
    return failure(ErrorKind::unavailable, "/proc does not tell how much memory there is", "mount /proc");
  Device device;
  device.kind = "cpu";
  device.name = processor_name();
  device.total_memory = *memory;
  return device;
}

Answer<std::unique_ptr<Engine>> load_on_cpu(const LoadRequest& request) {
  if (const auto checked = check_cpu_request(request); !checked) return tl::unexpected(checked.error());
  auto device = cpu_device();
  if (!device) return refuse(device.error());
  if (request.threads) at::set_num_threads(static_cast<int>(*request.threads));
  auto loaded = build_model(request, at::kCPU);
  if (!loaded) return tl::unexpected(loaded.error());
  try {
    if (const auto checked = check_output(*loaded); !checked) return tl::unexpected(checked.error());
  } catch (const c10::Error& error) {
    if (loaded->dtype == at::kFloat) throw;
    return refuse(RefusalKind::usage,
                  request.model + " does not run in " + request.dtype +
                      " on this CPU: " + error.what_without_backtrace(),
                  "use fp32 on this CPU");
  }
  return std::make_unique<CpuEngine>(std::move(*loaded), std::move(*device));
}

}  // namespace batchfit
