#include <cstdio>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "report/video_table.h"
#include "tune/suite.h"

namespace batchfit {
namespace fs = std::filesystem;
namespace {

/// One output an input: what `--out` names one by one, or files of the inputs' names in a folder.
Result<std::vector<std::string>> outputs_of(const RunOptions& options) {
  const std::vector<std::string>& named = options.outputs;
  const bool folder = named.size() == 1 && (named.front().ends_with('/') || fs::is_directory(named.front()));
  if (!folder) {
    if (named.empty() || named.size() == options.videos.size()) return named;
    return failure(ErrorKind::usage,
                   "--out names " + std::to_string(named.size()) + " files for " +
                       std::to_string(options.videos.size()) + " videos",
                   "name one for each, or a folder");
  }
  std::error_code error;
  fs::create_directories(named.front(), error);
  if (error)
    return failure(ErrorKind::usage, "--out: cannot make the folder " + named.front(), "name another");
  std::vector<std::string> outputs;
  std::set<std::string> taken;
  for (const std::string& video : options.videos) {
    // Two cameras may have files of the same name.
    fs::path name = fs::path(video).stem();
    for (int i = 2; taken.contains(name); ++i) name = fs::path(video).stem() += "-" + std::to_string(i);
    taken.insert(name);
    outputs.push_back((fs::path(named.front()) / (name += ".mp4")).string());
  }
  return outputs;
}

/// What the limits of `batchfit tune` allow, from the cache where it knows.
Result<Batch> tuned_batch(const LoadRequest& request, Suite& suite, Progress& progress,
                          const Cancellation& cancel) {
  const TunedWorkload tuned = suite.tune(request, {request.shape, {}, ""}, TuneGoal{}, progress.events());
  if (tuned.error) return failure(*tuned.error);
  if (cancel.raised()) return failure(ErrorKind::interrupted, "interrupted");
  if (tuned.answer.batch()) return *tuned.answer.batch();
  return failure(ErrorKind::runtime, "no batch could be chosen: " + tuned.answer.why,
                 "name one with --batch");
}

/// A file that broke off makes the run a failure, though what came of it is there.
int exit_code_of(const VideoRun& run) {
  for (const VideoInput& input : run.inputs) {
    if (!input.error.empty()) return exit_runtime;
  }
  return exit_found;
}

Result<void> show(const Subject& subject, const VideoRun& run, const RunOptions& options,
                  const std::vector<std::string>& command_line) {
  if (options.export_json == "-") {
    std::fputs(export_video_json(subject, run, command_line).c_str(), stdout);
    return {};
  }
  std::fputs(render_video(subject, run).c_str(), stdout);
  if (options.export_json.empty()) return {};
  return write_file_atomically(options.export_json, export_video_json(subject, run, command_line));
}

}  // namespace

int run_run(const RunOptions& options, const std::vector<std::string>& command_line, Cancellation& cancel) {
  const auto shapes = parse_shapes(options.workload.shapes);
  if (!shapes) return report_error(shapes.error());
  if (shapes->size() > 1 || !shapes->front().told.empty()) {
    return report_error({ErrorKind::usage, "--shape: video is run at one size", "name one image_size"});
  }
  auto outputs = outputs_of(options);
  if (!outputs) return report_error(outputs.error());
  const std::string device = options.worker.device.empty() ? default_device() : options.worker.device;
  auto request = request_of(options.workload, device);
  if (!request) return report_error(request.error());
  request->model = options.model;
  request->shape = shapes->front().sizes;
  auto weights = weights_of(options.model, options.workload, options.worker);
  if (!weights) return report_error(weights.error());
  request->weights = std::move(*weights);

  Progress progress(options.quiet);
  progress.begin(label_of(options.model, options.workload, request->shape));
  Cache cache = cache_of(options.cache, [&](const std::string& warning) {
    progress.clear();
    std::fputs(("batchfit: warning: " + warning + "\n").c_str(), stderr);
  });
  Suite suite(worker_of(options.worker, device, cancel), look_at(device), cache, cancel);
  suite.on_load = [&] { progress.loading(); };
  suite.on_input = [](const auto&) {};
  RemoteWorker& worker = suite.worker();
  VideoRequest video{1,
                     options.videos,
                     std::move(*outputs),
                     options.json,
                     options.confidence,
                     options.overlap,
                     options.max_frames};
  progress.loading();
  const auto loaded = worker.load(*request);
  progress.clear();
  if (!loaded) return cancel.raised() ? exit_code_of_signal() : report_error(loaded.error());
  // Before a search that would be for nothing.
  if (const auto runs = worker.check_video(); !runs) return report_error(runs.error());
  if (options.batch == "auto") {
    const auto batch = tuned_batch(*request, suite, progress, cancel);
    progress.clear();
    if (!batch && cancel.raised()) return exit_code_of_signal();
    if (!batch) return report_error(batch.error());
    video.batch = *batch;
  } else {
    video.batch = std::stol(options.batch);
  }
  const auto run = worker.run_video(video, [&](const VideoProgress& now) { progress.frames(now); });
  progress.clear();
  if (!run) return cancel.raised() ? exit_code_of_signal() : report_error(run.error());
  if (const auto shown = show(loaded->subject, *run, options, command_line); !shown) {
    return report_error(shown.error());
  }
  for (const VideoInput& input : run->inputs) {
    if (!input.error.empty()) report_error({ErrorKind::runtime, input.error, ""});
  }
  return cancel.raised() ? exit_code_of_signal() : exit_code_of(*run);
}

}  // namespace batchfit
