#include "sample_runs.h"

#include <cmath>

namespace batchfit::sample {
namespace {

constexpr double first_moment = 1'790'000'000;  // any fixed time will do
constexpr Bytes context = 700 * mebibyte;

// Noise of a graph replay, as shares of the latency.
constexpr double noise[] = {0, 0.001, -0.001, 0.002, -0.0005, 0.0005, -0.002, 0.0015, -0.0015};

std::vector<Seconds> samples_around(Seconds latency) {
  std::vector<Seconds> samples;
  for (const double share : noise) samples.push_back(std::round(latency * (1 + share) * 1e9) / 1e9);
  return samples;
}

Observation measured(Batch batch, Seconds latency, Bytes reserved) {
  Observation observation;
  observation.batch = batch;
  observation.samples = samples_around(latency);
  observation.memory.allocated_peak = reserved - reserved / 8;
  observation.memory.reserved_peak = reserved;
  observation.memory.context = context;
  observation.started_at = first_moment;
  observation.took = 0.125;
  return observation;
}

Observation out_of_memory(Batch batch, Bytes cap) {
  Observation observation;
  observation.batch = batch;
  observation.outcome = Outcome::out_of_memory;
  observation.reason = "an allocation of 2.00 GiB found no room";
  observation.cap = cap;
  observation.memory.context = context;
  observation.started_at = first_moment;
  observation.took = 0.25;
  return observation;
}

/// Pairs of batch 1 and the candidate; every `dissent`-th is `dissenting` instead (0: none is).
Comparison compared(Batch candidate, int pairs, Seconds one, Seconds usual, int dissent = 0,
                    Seconds dissenting = 0) {
  Comparison comparison;
  comparison.candidate = candidate;
  for (int i = 1; i <= pairs; ++i) {
    const bool dissents = dissent > 0 && i % dissent == 0;
    comparison.pairs.push_back({one, dissents ? dissenting : usual, i % 2 == 1});
  }
  comparison.started_at = first_moment;
  comparison.took = 0.5;
  return comparison;
}

Subject subject_of(const std::string& model, const std::string& dtype) {
  Subject subject;
  subject.device.kind = "cuda";
  subject.device.name = "NVIDIA H200";
  subject.device.total_memory = 150'119'383'040;
  subject.device.driver = "580.95.05";
  subject.runtime = {"libtorch", "2.11.0+cu130", {{"cudnn", "9.15.1"}}};
  subject.workload.model = model;
  subject.workload.weights = "random (seed 0)";
  subject.workload.model_code = "1";
  subject.workload.dtype = dtype;
  subject.workload.input_shape = {3, 224, 224};
  subject.workload.timing = Timing::graph;
  return subject;
}

TunedWorkload workload(const std::string& model, const std::string& dtype, std::vector<Record> records,
                       int probes, Seconds seconds) {
  TunedWorkload tuned;
  tuned.model = model;
  tuned.subject = subject_of(model, dtype);
  tuned.notes = {"weights: random (seed 0)"};
  for (Record& record : records) tuned.evidence.add(std::move(record));
  tuned.environment = {tuned.subject->device.total_memory, 600 * mebibyte};
  tuned.probes = probes;
  tuned.seconds = seconds;
  return tuned;
}

void settle(TuneRun& run, Batch max_batch = 4096) {
  for (TunedWorkload& tuned : run.workloads) {
    if (tuned.error) continue;
    const SearchSpace space{max_batch, tuned.subject->workload.timing, {}};
    tuned.answer =
        answer(tuned.evidence, run.limits, tuned.environment, space, Done{"neighbours are judged"});
    tuned.relaxations = relaxations(tuned.answer, tuned.evidence, run.limits, tuned.environment, space);
  }
}

TuneRun run_of(std::vector<std::string> command) {
  TuneRun run;
  run.version = "0.1.0";
  run.command = std::move(command);
  run.started_at = first_moment;
  run.strategy = "exponential";
  return run;
}

}  // namespace

TuneRun two_models() {
  TuneRun run = run_of({"batchfit", "tune", "resnet50", "vit_b_16", "--dtype", "fp16"});
  run.workloads.push_back(
      workload("resnet50", "fp16",
               {measured(1, 0.001005, 190 * mebibyte), measured(2, 0.00112, 232 * mebibyte),
                measured(4, 0.00135, 270 * mebibyte), measured(8, 0.00170, 350 * mebibyte),
                measured(16, 0.00239, 496 * mebibyte), measured(12, 0.002076, 420 * mebibyte),
                compared(12, 16, 0.001005, 0.002077), measured(10, 0.001882, 384 * mebibyte),
                measured(11, 0.002007, 402 * mebibyte), compared(11, 64, 0.001005, 0.002007, 8, 0.002013)},
               11, 1.94));
  run.workloads.push_back(
      workload("vit_b_16", "fp16",
               {measured(1, 0.00151, 402 * mebibyte), measured(2, 0.00172, 420 * mebibyte),
                measured(4, 0.00196, 456 * mebibyte), measured(8, 0.00262, 528 * mebibyte),
                measured(16, 0.00441, 672 * mebibyte), measured(12, 0.00338, 600 * mebibyte),
                measured(10, 0.00288, 564 * mebibyte), compared(10, 16, 0.00151, 0.00288),
                measured(11, 0.003018, 582 * mebibyte), compared(11, 256, 0.00151, 0.003018, 2, 0.003026)},
               13, 2.61));
  run.seconds = 4.62;
  run.nvml_seconds = 0.021;
  settle(run);
  return run;
}

TuneRun mixed() {
  TuneRun run = run_of({"batchfit", "tune", "vit_b_16", "--memory-limit", "4GiB"});
  run.limits.memory = OwnMemory{4 * gibibyte};
  run.limits.latency = LatencyBound{0.05};
  run.workloads.push_back(
      workload("vit_b_16", "fp32",
               {measured(1, 0.0041, 780 * mebibyte), measured(64, 0.0312, 3300 * mebibyte),
                measured(65, 0.0317, 3460 * mebibyte), out_of_memory(128, 6 * gibibyte)},
               4, 3.2));
  run.workloads.push_back(
      workload("llama-3-8b-nf4", "bf16", {measured(1, 0.0619, 5 * gibibyte + 640 * mebibyte)}, 1, 21.4));
  run.workloads.back().subject->workload.mode = "prefill";
  run.workloads.back().subject->workload.shape = {{"length", 512}};
  run.workloads.push_back(
      workload("resnet50", "fp16",
               {measured(1, 0.001005, 190 * mebibyte), measured(512, 0.0376, 2900 * mebibyte),
                out_of_memory(1024, 6 * gibibyte)},
               0, 0.004));
  run.workloads.back().subject->workload.channels_last = true;
  run.workloads.back().from_cache = true;

  TunedWorkload missing;
  missing.model = "yolo11n-pose";
  missing.error =
      Error{ErrorKind::unavailable, "data/models/yolo11n-pose.safetensors cannot be read: no such file",
            "give the file with --weights, or leave it out for random weights"};
  missing.seconds = 0.31;
  run.workloads.push_back(missing);

  run.workloads.push_back(workload("=evil|\x1b[2J\u202Emodel\n<b>", "fp32",
                                   {measured(1, 0.002, 800 * mebibyte), measured(2, 0.0025, 900 * mebibyte),
                                    Fault{3, "crash", "the worker ended by signal 11", first_moment},
                                    Fault{3, "crash", "the worker ended by signal 11", first_moment},
                                    Fault{3, "crash", "the worker ended by signal 11", first_moment}},
                                   5, 6.0));
  run.seconds = 31;
  settle(run);
  return run;
}

TuneRun on_a_cpu() {
  TuneRun run = run_of({"batchfit", "tune", "resnet50", "--device", "cpu", "--max-batch", "2"});
  run.limits.latency = NoLimit{};
  const auto on_cpu = [](Batch batch, Seconds latency, Bytes resident) {
    Observation observation = measured(batch, latency, 0);
    observation.memory = {};
    observation.memory.resident_peak = resident;
    return observation;
  };
  TunedWorkload tuned = workload(
      "resnet50", "fp32", {on_cpu(1, 0.0912, 520 * mebibyte), on_cpu(2, 0.1604, 611 * mebibyte)}, 2, 9.8);
  tuned.subject->device = {"cpu", "AMD EPYC 9654", 8 * gibibyte, {}, {}, {}};
  tuned.subject->runtime = {"libtorch", "2.11.0+cpu", {}};
  tuned.subject->workload.timing = Timing::eager;
  tuned.subject->workload.threads = 2;
  tuned.environment = {8 * gibibyte, std::nullopt};
  tuned.notes.push_back("timing: eager, because a CPU has no graphs");
  run.workloads.push_back(std::move(tuned));
  run.seconds = 9.8;
  settle(run, 2);
  return run;
}

TuneRun many_lengths() {
  TuneRun run = run_of({"batchfit", "tune", "encoder", "decoder", "--shape", "length=128*6:512*3:2048*1"});
  const auto at = [](std::int64_t length, double weight, const Subject& subject,
                     std::optional<Observation> observation) {
    DistributionPoint point{{{{"length", length}}, weight}, subject, std::nullopt, std::move(observation)};
    point.subject->workload.shape = point.input.sizes;
    return point;
  };
  for (const char* model : {"encoder", "decoder"}) {
    TunedWorkload tuned = workload(model, "fp16",
                                   {measured(1, 0.004, 300 * mebibyte), measured(2, 0.0055, 420 * mebibyte),
                                    measured(3, 0.0072, 540 * mebibyte), measured(4, 0.0091, 660 * mebibyte)},
                                   6, 4.5);
    tuned.subject->workload.shape = {{"length", 2048}};
    tuned.distribution = MeasuredDistribution{"length 128*6, 512*3, 2048*1", {{"length", 2048}}, {}};
    run.workloads.push_back(std::move(tuned));
  }
  settle(run);
  TunedWorkload& encoder = run.workloads[0];
  encoder.distribution->points = {at(128, 6, *encoder.subject, measured(3, 0.0008, 220 * mebibyte)),
                                  at(512, 3, *encoder.subject, measured(3, 0.0021, 280 * mebibyte)),
                                  at(2048, 1, *encoder.subject, encoder.answer.at_best)};
  TunedWorkload& decoder = run.workloads[1];
  decoder.distribution->points = {at(128, 6, *decoder.subject, std::nullopt),
                                  at(512, 3, *decoder.subject, measured(3, 0.0083, 700 * mebibyte)),
                                  at(2048, 1, *decoder.subject, decoder.answer.at_best)};
  decoder.distribution->points[0].subject.reset();
  decoder.distribution->points[0].error =
      Error{ErrorKind::runtime, "the model takes no length below 256", ""};
  run.seconds = 9.1;
  return run;
}

TuneRun language_models() {
  TuneRun run = run_of({"batchfit", "tune", "llama-3-8b-nf4:prefill", "llama-3-8b-nf4:generate"});
  for (const auto& [mode, seconds] : {std::pair{"prefill", 0.02}, {"generate", 0.645}}) {
    std::vector<Record> records;
    for (const Batch batch : {1, 2, 3}) {
      Observation made =
          measured(batch, seconds * (0.4 + 0.6 * static_cast<double>(batch)), (6 + batch) * gibibyte);
      if (mode == std::string("generate")) made.first_token_samples.assign(made.samples.size(), 0.02);
      records.emplace_back(std::move(made));
    }
    TunedWorkload tuned = workload("llama-3-8b-nf4", "bf16", std::move(records), 3, 2.9);
    tuned.subject->workload.mode = mode;
    tuned.subject->workload.shape = {{"length", 512}};
    if (mode == std::string("generate")) tuned.subject->workload.shape["new"] = 128;
    run.workloads.push_back(std::move(tuned));
  }
  settle(run, 3);
  return run;
}

}  // namespace batchfit::sample
