#include <c10/cuda/CUDAGuard.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "cuda_device.h"
#include "cuda_failure.h"
#include "cuda_pass.h"
#include "cuda_pose_pass.h"
#include "cuda_trace.h"
#include "engine.h"
#include "loaded_model.h"
#include "runtime.h"
#include "sampling.h"

namespace batchfit {
namespace {

/// Passes before the batches of a comparison are timed: the first loads kernels and picks algorithms, the
/// second fills the allocator. Samples bring an untimed pass of their own.
constexpr int eager_warm_up = 2;

/// NVML's energy counter moves in steps of 20 to 100 ms; one that stands still for longer says nothing.
constexpr Seconds longest_energy_step = 0.5;

/// Pairs taken of one capture where both graphs do not fit at once: a capture costs as much as some replays,
/// while fewer pairs keep drift out.
constexpr std::int64_t pairs_per_capture = 5;

/// An ordinary call as long as this is not bound by its launches, so no more of them are timed.
constexpr Seconds longest_of_launches = 0.05;

/// What a graph's pool may need more than the eager pass of the same batch reserved, as a factor.
constexpr double pool_allowance = 1.25;

class CudaEngine : public Engine {
 public:
  CudaEngine(LoadedModel loaded, CudaDevice& device) : loaded_(std::move(loaded)), device_(device) {}
  ~CudaEngine() override {
    const c10::cuda::CUDAStreamGuard on_stream(device_.stream());
    loaded_.model.reset();
    if (device_.usable()) device_.empty_allocator();
  }

  /// Chooses between graph and eager timing, by trying; refuses graph timing where the model cannot be
  /// captured.
  Answer<void> settle_timing();

  Subject subject() const override {
    return {device_.identity(), device_.runtime(), loaded_.workload(timing_)};
  }
  std::vector<std::string> notes() const override {
    std::vector<std::string> notes = loaded_.notes();
    notes.insert(notes.end(), notes_.begin(), notes_.end());
    return notes;
  }
  std::vector<std::string> capabilities() const override {
    std::vector<std::string> names{"memory_cap", "memory_counters", "peak_resets", "compare", "rehearsal"};
    if (timing_ == Timing::graph) names.insert(names.end(), {"graph_timing", "eager_latency"});
    if (CudaTrace::available()) names.emplace_back("memory_trace");
    if (device_.context()) names.emplace_back("environment");
    if (device_.conditions() != Conditions{}) names.emplace_back("conditions");
    if (device_.energy_j()) names.emplace_back("energy");
    if (pose_row()) names.emplace_back("video");
    return names;
  }
  Environment environment() override { return device_.environment(); }

  Measured probe(const ProbeRequest& request) override;
  Answer<Comparison> compare(const CompareRequest& request) override;

  std::optional<vision::PoseRow> pose_row() const override { return loaded_.model->pose_row(); }
  Answer<std::unique_ptr<video::PosePass>> pose_pass(Batch batch, float confidence) override;

 private:
  std::optional<CudaFailure> attempt_step(const std::function<void()>& step) const {
    return attempt(step, [this] { return device_.allocator().ooms; });
  }
  std::unique_ptr<Pass> pass(Batch batch) const;
  /// Runs the batch eagerly and frees it, so that what loads lazily is loaded, then times `samples` more
  /// calls where there is a list for them; returns what the allocator reserved more at its peak.
  Bytes warm_up(Batch batch, int passes, std::int64_t samples = 0, std::vector<Seconds>* timed = nullptr);
  /// Runs the batch from an emptied allocator in the mode that is timed, so that it is ready for samples, or
  /// rehearses it; the trace is that of the first pass, or of the capture.
  std::unique_ptr<Pass> first_pass(Batch batch, std::optional<AllocationTrace>* trace, bool rehearses) const;
  void take_observation(const ProbeRequest& request, Measured& measured, bool& capturing);
  /// Memory and trace of a pass that is recorded and not executed.
  void take_rehearsal(const ProbeRequest& request, Measured& measured);
  void take_energy(Pass& pass, Seconds span, Observation& observation) const;
  std::vector<Comparison::Pair> pairs_together(const CompareRequest& request) const;
  std::vector<Comparison::Pair> pairs_in_turn(const CompareRequest& request);

  LoadedModel loaded_;
  CudaDevice& device_;
  Timing timing_ = Timing::eager;
  std::vector<std::string> notes_;
};

std::unique_ptr<Pass> CudaEngine::pass(Batch batch) const {
  if (timing_ == Timing::graph) return std::make_unique<GraphPass>(loaded_, device_, batch);
  return std::make_unique<EagerPass>(loaded_, device_, batch);
}

Bytes CudaEngine::warm_up(Batch batch, int passes, std::int64_t samples, std::vector<Seconds>* timed) {
  const Bytes before = device_.allocator().reserved;
  {
    EagerPass eager(loaded_, device_, batch);
    for (int i = 0; i < passes; ++i) eager.run();
    for (std::int64_t i = 0; timed != nullptr && i < samples; ++i) {
      timed->push_back(eager.timed());
      if (timed->back() > longest_of_launches) break;
    }
  }
  const Bytes taken = device_.allocator().reserved_peak - before;
  device_.empty_allocator();
  return taken;
}

Answer<void> CudaEngine::settle_timing() {
  if (loaded_.request.timing == Timing::eager) return {};
  const c10::cuda::CUDAStreamGuard on_stream(device_.stream());
  const auto failed = attempt_step([this] { GraphPass(loaded_, device_, 1).timed(); });
  if (!failed) {
    timing_ = Timing::graph;
    return {};
  }
  const bool lost = failed->out_of_memory || !device_.usable();
  if (loaded_.request.timing == Timing::graph || lost) {
    Refusal refusal{failed->out_of_memory ? RefusalKind::out_of_memory : RefusalKind::runtime,
                    loaded_.info.name + " cannot be captured in a CUDA graph: " + failed->reason,
                    failed->out_of_memory ? "free memory on the device" : "use eager timing", lost};
    return tl::unexpected(std::move(refusal));
  }
  notes_.push_back("timing: eager, because the model cannot be captured: " + failed->reason);
  return {};
}

std::unique_ptr<Pass> CudaEngine::first_pass(Batch batch, std::optional<AllocationTrace>* trace,
                                             bool rehearses) const {
  if (timing_ == Timing::graph) return std::make_unique<GraphPass>(loaded_, device_, batch, trace);
  auto eager = std::make_unique<EagerPass>(loaded_, device_, batch);
  std::optional<CudaTrace> recording;
  if (trace != nullptr) recording.emplace(device_, batch, Timing::eager);
  rehearses ? eager->rehearse() : eager->run();
  if (recording) *trace = recording->finish();
  return eager;
}

void CudaEngine::take_energy(Pass& pass, Seconds span, Observation& observation) const {
  std::int64_t passes = 0;
  const auto run = [&] {
    pass.timed();
    ++passes;
  };
  // The counter is read where it has just moved, so that the span holds whole steps of it.
  const auto next_step = [&]() -> std::optional<double> {
    const std::optional<double> before = device_.energy_j();
    const double since = now();
    while (before && now() - since < longest_energy_step) {
      run();
      const std::optional<double> energy = device_.energy_j();
      if (!energy || *energy != *before) return energy;
    }
    return std::nullopt;
  };
  const auto first = next_step();
  if (!first) return;
  passes = 0;
  for (const double started = now(); now() - started < span;) run();
  const auto last = next_step();
  if (!last || *last <= *first) return;
  observation.energy_j = *last - *first;
  observation.energy_passes = passes;
}

void CudaEngine::take_observation(const ProbeRequest& request, Measured& measured, bool& capturing) {
  Observation& observation = measured.observation;
  // An ordinary call may take more than its capture: under a cap it could run out of memory where the capture
  // does not. What a file holds may need the call before it can be captured.
  const bool calls_first = !request.cap || loaded_.info.build == nullptr;
  if (timing_ == Timing::graph && calls_first)
    warm_up(request.batch, 1, request.eager_samples, &observation.eager_samples);
  const bool traced = request.trace && CudaTrace::available();
  capturing = timing_ == Timing::graph;
  const auto ready = first_pass(request.batch, traced ? &measured.trace : nullptr, /*rehearses=*/false);
  capturing = false;
  std::vector<Seconds> samples = take_samples(*ready, request.sampling);
  std::vector<Seconds> first_tokens = ready->first_tokens();  // of these passes, not of those for energy
  if (request.energy_seconds > 0) take_energy(*ready, request.energy_seconds, observation);
  observation.conditions = device_.conditions();
  observation.samples = std::move(samples);
  observation.first_token_samples = std::move(first_tokens);
  device_.account_run();  // while the graph is there: its storage outside the pool is ours too
  observation.memory.context = device_.context();
}

void CudaEngine::take_rehearsal(const ProbeRequest& request, Measured& measured) {
  Observation& observation = measured.observation;
  observation.outcome = Outcome::rehearsed;
  const bool traced = request.trace && CudaTrace::available();
  const auto held = first_pass(request.batch, traced ? &measured.trace : nullptr, /*rehearses=*/true);
  device_.account_run();
  observation.memory.context = device_.context();
}

Measured CudaEngine::probe(const ProbeRequest& request) {
  const c10::cuda::CUDAStreamGuard on_stream(device_.stream());
  Measured measured;
  Observation& observation = measured.observation;
  observation.batch = request.batch;
  observation.started_at = now();
  device_.empty_allocator();
  const std::optional<Bytes> others_before = device_.environment().others;
  const AllocatorFigures before = device_.allocator();
  observation.cap = device_.limit_allocator(request.cap);

  bool capturing = request.rehearse;
  const auto failed = attempt_step([&] {
    request.rehearse ? take_rehearsal(request, measured) : take_observation(request, measured, capturing);
  });
  const AllocatorFigures after = device_.allocator();
  observation.alloc_retries = after.retries - before.retries;
  observation.ooms = after.ooms - before.ooms;
  if (failed) {
    observation.outcome = failed->out_of_memory ? Outcome::out_of_memory : Outcome::failed;
    observation.reason = failed->reason;
    measured.trace.reset();  // of a pass that did not come through
    measured.replace_worker = capturing || !device_.usable();
  } else {
    observation.memory.reserved_peak = after.reserved_peak;
    observation.memory.allocated_peak = after.allocated_peak;
  }
  if (!measured.replace_worker) {
    device_.empty_allocator();
    device_.account_run();
  }
  observation.conditions.others_before = others_before;
  observation.conditions.others_after = device_.others();
  observation.took = now() - observation.started_at;
  return measured;
}

std::vector<Comparison::Pair> CudaEngine::pairs_together(const CompareRequest& request) const {
  const auto reference = pass(request.reference);
  const auto candidate = pass(request.candidate);
  return take_pairs(*reference, *candidate, draw_order(request.pairs, request.seed));
}

std::vector<Comparison::Pair> CudaEngine::pairs_in_turn(const CompareRequest& request) {
  std::vector<Comparison::Pair> pairs;
  const auto time_block = [this](Batch batch, std::int64_t count) {
    const auto ready = pass(batch);
    return take_samples(*ready, {count, count, 0});
  };
  const std::int64_t blocks = (request.pairs + pairs_per_capture - 1) / pairs_per_capture;
  for (const bool reference_first : draw_order(blocks, request.seed)) {
    const std::int64_t count =
        std::min(pairs_per_capture, request.pairs - static_cast<std::int64_t>(pairs.size()));
    std::array<std::vector<Seconds>, 2> samples;  // of the reference, of the candidate
    for (const bool reference : {reference_first, !reference_first}) {
      samples[reference ? 0 : 1] = time_block(reference ? request.reference : request.candidate, count);
      device_.empty_allocator();
    }
    for (std::size_t i = 0; i < samples[0].size(); ++i) {
      pairs.push_back({samples[0][i], samples[1][i], reference_first});
    }
  }
  return pairs;
}

Answer<Comparison> CudaEngine::compare(const CompareRequest& request) {
  const c10::cuda::CUDAStreamGuard on_stream(device_.stream());
  Comparison comparison;
  comparison.reference = request.reference;
  comparison.candidate = request.candidate;
  comparison.started_at = now();
  device_.empty_allocator();
  const Environment before = device_.environment();
  const Bytes cap = device_.limit_allocator(std::nullopt);
  bool measuring = false;
  const auto failed = attempt_step([&] {
    Bytes taken = 0;
    for (const Batch batch : {request.reference, request.candidate}) taken += warm_up(batch, eager_warm_up);
    measuring = true;
    const Bytes room = cap - device_.allocator().reserved;
    const bool fit_together = static_cast<double>(taken) * pool_allowance <= static_cast<double>(room);
    comparison.pairs = fit_together ? pairs_together(request) : pairs_in_turn(request);
  });
  if (failed) {
    const bool lost = (measuring && timing_ == Timing::graph) || !device_.usable();
    if (!lost) device_.empty_allocator();
    return tl::unexpected(Refusal{
        failed->out_of_memory ? RefusalKind::out_of_memory : RefusalKind::runtime,
        fmt::format("comparing batches {} and {}: {}", request.reference, request.candidate, failed->reason),
        failed->out_of_memory ? "compare smaller batches" : "", lost});
  }
  comparison.conditions = device_.conditions();
  device_.empty_allocator();
  device_.account_run();
  comparison.conditions.others_before = before.others;
  comparison.conditions.others_after = device_.others();
  comparison.took = now() - comparison.started_at;
  return comparison;
}

Answer<std::unique_ptr<video::PosePass>> CudaEngine::pose_pass(Batch batch, float confidence) {
  const c10::cuda::CUDAStreamGuard on_stream(device_.stream());
  device_.empty_allocator();
  device_.limit_allocator(std::nullopt);
  std::unique_ptr<video::PosePass> pass;
  const auto failed = attempt_step(
      [&] { pass = std::make_unique<CudaPosePass>(loaded_, device_, batch, timing_, confidence); });
  if (!failed) return pass;
  return tl::unexpected(Refusal{failed->out_of_memory ? RefusalKind::out_of_memory : RefusalKind::runtime,
                                fmt::format("a pass over {} pictures: {}", batch, failed->reason),
                                failed->out_of_memory ? "use a smaller batch" : "",
                                timing_ == Timing::graph || !device_.usable()});
}

}  // namespace

Answer<std::unique_ptr<Engine>> load_on_cuda(const LoadRequest& request, int index) {
  if (const auto checked = check_request(request); !checked) return tl::unexpected(checked.error());
  const auto opened = CudaDevice::open(index);
  if (!opened) return tl::unexpected(opened.error());
  CudaDevice& device = **opened;
  const c10::cuda::CUDAStreamGuard on_stream(device.stream());
  device.empty_allocator();
  device.limit_allocator(std::nullopt);
  apply_kernel_settings(request.tf32);

  Answer<std::unique_ptr<CudaEngine>> engine;
  const auto load = [&]() -> Answer<std::unique_ptr<CudaEngine>> {
    auto loaded = build_model(request, {at::kCUDA, static_cast<c10::DeviceIndex>(index)});
    if (!loaded) return tl::unexpected(loaded.error());
    if (const auto checked = check_output(*loaded); !checked) return tl::unexpected(checked.error());
    device.empty_allocator();
    return std::make_unique<CudaEngine>(std::move(*loaded), device);
  };
  const auto failed = attempt([&] { engine = load(); }, [&device] { return device.allocator().ooms; });
  if (failed) {
    const bool lost = !device.usable();
    if (!lost) device.empty_allocator();
    return tl::unexpected(Refusal{failed->out_of_memory ? RefusalKind::out_of_memory : RefusalKind::runtime,
                                  "loading " + request.model + ": " + failed->reason,
                                  failed->out_of_memory ? "free memory on the device" : "", lost});
  }
  if (!engine) return tl::unexpected(engine.error());
  if (const auto settled = (*engine)->settle_timing(); !settled) return tl::unexpected(settled.error());
  device.empty_allocator();
  device.account_run();
  return std::move(*engine);
}

}  // namespace batchfit
